"""What can be typed about machines and the keys to log in with."""

from __future__ import annotations

from vastdesk.cli.commands import Commands, add_json


def add_instances(commands: Commands) -> None:
    instances = commands.add(
        "instances",
        "vastdesk.cli.instances:list_all",
        "saved machines: list, add, show, remove, trust, probe",
        description="The machines VastDesk knows. Without a command: list them.",
        examples=(
            'vastdesk instances add my-box --ssh "ssh -p 12345 root@1.2.3.4"',
            "vastdesk instances trust my-box SHA256:…",
            "vastdesk instances probe my-box",
        ),
    )
    add_json(instances)
    group = Commands(instances, "[COMMAND]")
    add_json(group.add("list", "vastdesk.cli.instances:list_all", "list the saved machines"), nested=True)
    add = group.add(
        "add",
        "vastdesk.cli.instances:add",
        "save a machine",
        examples=('vastdesk instances add my-box --ssh "root@ssh6.vast.ai -p 12345"',),
    )
    add.add_argument("name", metavar="NAME", help="what you call it")
    add.add_argument("--ssh", metavar="STRING", required=True, help="how to reach it, in any form people paste")
    add.add_argument("--identity", metavar="NAME|FILE", help="the SSH key to log in with: a saved identity or a file")
    add.add_argument("--comfyui", metavar="PATH", help="ComfyUI's folder there, when it is not found by itself")
    add.add_argument("--python", metavar="PATH", help="the Python of ComfyUI's environment there, likewise")
    show = group.add("show", "vastdesk.cli.instances:show", "show a machine, its host key and its identity")
    remove = group.add(
        "remove", "vastdesk.cli.instances:remove", "forget a machine and its host key; nothing happens on the machine"
    )
    trust = group.add(
        "trust",
        "vastdesk.cli.instances:trust",
        "trust the host key the machine showed",
        description=(
            "Pin exactly the host key with this fingerprint, and let the runs that wait for it go on.\n"
            "Compare it first with what the machine's owner or console shows."
        ),
        examples=("vastdesk instances trust my-box SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",),
    )
    probe = group.add(
        "probe", "vastdesk.cli.instances:probe", "connect and show what is there: GPU, disk, Python, ComfyUI"
    )
    probe.add_argument("--save", action="store_true", help="keep the paths of ComfyUI and its Python that were found")
    for parser in (show, remove, trust, probe):
        parser.add_argument("name", metavar="NAME", help="name or id of the instance")
    trust.add_argument("fingerprint", metavar="SHA256:…", help="the fingerprint that was shown")
    for parser in (add, show, probe):
        add_json(parser, nested=True)


def add_identities(commands: Commands) -> None:
    identities = commands.add(
        "identities",
        "vastdesk.cli.identities:list_all",
        "SSH keys: list, generate, import, remove, public",
        description="The SSH keys VastDesk may log in with. Without a command: list them.",
        examples=("vastdesk identities generate laptop", "vastdesk identities public laptop"),
    )
    add_json(identities)
    group = Commands(identities, "[COMMAND]")
    add_json(group.add("list", "vastdesk.cli.identities:list_all", "list the identities"), nested=True)
    generate = group.add("generate", "vastdesk.cli.identities:generate", "make a new ed25519 key, kept encrypted")
    add = group.add(
        "import",
        "vastdesk.cli.identities:import_key",
        "take over a private key from a file, or name one in place",
        examples=("vastdesk identities import laptop ~/.ssh/id_ed25519",),
    )
    remove = group.add(
        "remove",
        "vastdesk.cli.identities:remove",
        "forget an identity; a stored key is deleted, a key file of yours is not",
    )
    public = group.add(
        "public", "vastdesk.cli.identities:public", "print the public key, to paste where the machine expects it"
    )
    for parser in (generate, add, remove, public):
        parser.add_argument("name", metavar="NAME", help="name of the identity")
    add.add_argument("file", metavar="FILE", help="the private key")
    add.add_argument("--in-place", action="store_true", help="leave the key where it is and use it from there")
    for parser in (generate, add):
        add_json(parser, nested=True)
