"""What pip is told on a machine is told to uv."""

from __future__ import annotations

from vastdesk.remote.runner.nodes.pipconfig import translate


def test_a_mirror_with_its_certificates_and_constraints() -> None:
    said = translate(
        [
            "global.index-url='https://mirror.example/simple'",
            "global.extra-index-url='https://a.example/simple https://b.example/simple'",
            "global.find-links='/opt/wheels https://c.example'",
            "global.trusted-host='mirror.example'",
            "global.cert='/etc/ssl/company.pem'",
            "global.constraint='/etc/constraints.txt'",
        ]
    )
    assert said["UV_INDEX_URL"] == said["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert said["UV_EXTRA_INDEX_URL"] == "https://a.example/simple https://b.example/simple"
    assert said["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert said["UV_FIND_LINKS"] == "/opt/wheels,https://c.example"
    assert said["UV_INSECURE_HOST"] == "mirror.example"
    assert said["SSL_CERT_FILE"] == "/etc/ssl/company.pem"
    assert said["UV_CONSTRAINT"] == "/etc/constraints.txt"


def test_the_environment_wins_over_install_and_that_over_global() -> None:
    lines = ["install.index-url='https://i'", ":env:.index-url='https://e'", "global.index-url='https://g'"]
    assert translate(lines)["UV_INDEX_URL"] == "https://e"
    assert translate([lines[0], lines[2]])["UV_INDEX_URL"] == "https://i"


def test_what_it_says_beside_that_is_left_alone() -> None:
    assert translate(["global.timeout='60'", "nonsense", "", "global.no-index='false'"]) == {}
    assert translate(["global.no-index='true'"]) == {"UV_NO_INDEX": "1"}
