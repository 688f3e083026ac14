"""SSH strings in every form people paste, and in every form they should not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ssh_string import SshTarget, parse_ssh


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (
            "ssh -p 12345 root@1.2.3.4 -L 8080:localhost:8080",
            SshTarget("1.2.3.4", 12345, "root", forwards=("8080:localhost:8080",)),
        ),
        ("root@ssh6.vast.ai -p 12345", SshTarget("ssh6.vast.ai", 12345, "root")),
        ("ssh://root@host:22", SshTarget("host", 22, "root")),
        ("ssh://host", SshTarget("host")),
        ("ssh://me@[2001:db8::1]:2222/", SshTarget("2001:db8::1", 2222, "me")),
        ("host:2222", SshTarget("host", 2222)),
        ("me@host", SshTarget("host", 22, "me")),
        ("me@host:2222", SshTarget("host", 2222, "me")),
        ("host", SshTarget("host")),
        ("[::1]:2222", SshTarget("::1", 2222)),
        ("root@[2001:DB8::0:1]", SshTarget("2001:db8::1")),
        ("ssh root@2001:db8::1 -p 22", SshTarget("2001:db8::1")),
        ("ssh -p12345 root@1.2.3.4", SshTarget("1.2.3.4", 12345)),
        ("ssh -l me host", SshTarget("host", 22, "me")),
        ("ssh -lme -p2222 host", SshTarget("host", 2222, "me")),
        ("ssh -i ~/.ssh/id_ed25519 root@host", SshTarget("host", identity_file="~/.ssh/id_ed25519")),
        ("ssh -i '/home/a b/key' root@host", SshTarget("host", identity_file="/home/a b/key")),
        (r'ssh.exe -i "C:\Users\a b\key" root@host', SshTarget("host", identity_file=r"C:\Users\a b\key")),
        ("ssh -J jump@bastion:2200 root@host", SshTarget("host", jump="jump@bastion:2200")),
        ("ssh -J bastion root@host", SshTarget("host", jump="root@bastion:22")),
        ("ssh -o Port=2222 -o User=me -oIdentityFile=/k host", SshTarget("host", 2222, "me", identity_file="/k")),
        ("ssh -o 'port 2222' -o ProxyJump=bastion host", SshTarget("host", 2222, jump="root@bastion:22")),
        (
            "ssh host -L8080:localhost:80 -L 127.0.0.1:81:[::1]:82",
            SshTarget("host", forwards=("8080:localhost:80", "127.0.0.1:81:[::1]:82")),
        ),
        ("  $ ssh   root@host\t-p 22 ", SshTarget("host")),
        ("ssh\u00a0-p\u00a0123 root@host", SshTarget("host", 123)),
        ("/usr/bin/ssh -- root@host", SshTarget("host")),
        ("ssh -p 22 root@HOST.Example.:22", SshTarget("host.example")),
        ("ssh -p 22 -p 22 host", SshTarget("host")),
    ],
)
def test_every_form_people_paste(text: str, target: SshTarget) -> None:
    assert parse_ssh(text) == target


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ssh", "names no host"),
        ("ssh -p 22", "names no host"),
        ("ssh -p", "-p needs a value"),
        ("ssh -p 0 host", "1 to 65535"),
        ("ssh -p 99999 host", "1 to 65535, not 99999"),
        ("host:0", "1 to 65535"),
        ("host:65536", "1 to 65535"),
        ("host:", "1 to 65535"),
        ("ssh -p \u0663\u0662 host", "1 to 65535"),
        ("ssh -X root@host", "'-X'"),
        ("ssh -D 1080 root@host", "'-D'"),
        ("ssh --help host", "'--help'"),
        ("ssh -NT root@host", "'-N'"),
        ("ssh -o StrictHostKeyChecking=no root@host", "'StrictHostKeyChecking'"),
        ("ssh -oProxyCommand=nc root@host", "'ProxyCommand'"),
        ("ssh -o Port root@host", "needs a value"),
        ("ssh root@host ls -la", "'ls'"),
        ("ssh -p 22 root@host:23", "two values for the port"),
        ("ssh -l me you@host", "two values for the user"),
        ("http://host", "is not ssh"),
        ("ssh://host/path", "ends after the port"),
        ("root@host; rm -rf /", "'host;'"),
        ("root@$(reboot)", "not a host name"),
        ("root@`reboot`", "not a host name"),
        ("root@host|nc", "not a host name"),
        ("root@host&", "not a host name"),
        ("root@-oProxyCommand=x", "begins with a dash"),
        ("-- -oProxyCommand=x", "begins with a dash"),
        ("ssh -J -oProxyCommand=x host", "begins with a dash"),
        ("ssh -i -oProxyCommand=x host", "begins with a dash"),
        ("ssh -J a,b host", "one jump host"),
        ("ro ot@host", "not a host name|not used"),
        ("r$ot@host", "not a user name"),
        ("@host", "not a user name"),
        ("root@", "not a host name"),
        ("1.2.3.999", "not an IP address"),
        ("root@[::1", "brackets"),
        ("root@[host]:22", "brackets"),
        ("root@::zz::", "not an IPv6 address"),
        ("a" * 300, "not a host name"),
        ("ssh 'root@host", "quotation mark"),
        ("host\nProxyCommand x", "control characters"),
        ("host\x00", "control characters"),
        ("host\x1b[31m", "control characters"),
        ("x" * 5000, "longer than"),
        ("ssh -L 8080 host", "8080:localhost:8080"),
        ("ssh -L 8080:localhost:99999 host", "1 to 65535"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(VastDeskError, match=says) as caught:
        parse_ssh(text)
    assert caught.value.kind == "bad_ssh_string"
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["ssh root:hunter2@host", "ssh://root:hunter2@host:22", "root:hun@ter2@host", "sshpass -p hunter2 ssh root@host"],
)
def test_a_password_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(VastDeskError) as caught:
        parse_ssh(text)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in repr(caught.value.facts)


@pytest.mark.parametrize(
    ("text", "name"),
    [("root@1.2.3.4 -p 12345", "root@1.2.3.4:12345"), ("host", "root@host:22"), ("me@[::1]:23", "me@[::1]:23")],
)
def test_the_name_under_which_the_machine_is_found_again(text: str, name: str) -> None:
    target = parse_ssh(text)
    assert target.name == name
    assert parse_ssh(name) == target


WORDS = st.sampled_from(
    [
        "ssh",
        "-p",
        "22",
        "-p22",
        "-i",
        "-J",
        "-L",
        "-o",
        "-l",
        "--",
        "root@host",
        "[::1]:22",
        "Port=1",
        "'",
        '"',
        "a:b",
        "-x",
    ]
)


@given(st.text() | st.lists(WORDS | st.text(max_size=8), max_size=8).map(" ".join))
def test_whatever_is_pasted_gives_a_target_or_a_sentence(text: str) -> None:
    try:
        target = parse_ssh(text)
    except VastDeskError as error:
        assert error.kind == "bad_ssh_string"
        assert str(error).replace("\u200c", "").replace("\u200d", "").isprintable()
    else:
        assert 1 <= target.port <= 65535
        assert not target.host.startswith("-")
        assert parse_ssh(target.name).name == target.name
