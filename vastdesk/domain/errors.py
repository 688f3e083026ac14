"""Failures the desktop can name, each with its sentence, the next action and its exit code, in one place.

`docs/troubleshooting.md` has an entry for every kind; a test compares the two. Add a kind here, never a sentence elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of failure. `sentence` and `action` are `str.format` templates over the facts given; `exit_code` as in the
    command line's table (1 failed, 2 wrong use, 3 host key, 4 cannot connect, 5 lost, 6 busy, 7 no such thing)."""

    sentence: str
    action: str
    exit_code: int


KINDS: dict[str, Kind] = {
    "internal": Kind(
        "VastDesk itself broke off: {detail}", "Copy the details and report it; nothing stored is lost.", 1
    ),
    # the store
    "instance_busy": Kind(
        "run {run} is already on at {instance}",
        "Follow it, cancel it, or start again with --queue to come after it.",
        6,
    ),
    "no_run": Kind("there is no run {run}", "See 'vastdesk runs' for those that are stored.", 7),
    "run_ambiguous": Kind("several runs begin with {run}: {candidates}", "Give more of the id.", 2),
    "run_differs": Kind(
        "run {run} exists and was asked for differently", "Use another --id, or leave it out to get a new one.", 2
    ),
    "no_instance": Kind("there is no instance {instance}", "See 'vastdesk instances' for those that are saved.", 7),
    "instance_exists": Kind("an instance named {instance} exists already", "Choose another name.", 2),
    "no_identity": Kind("there is no identity {identity}", "See 'vastdesk identities' for those that are saved.", 7),
    "identity_exists": Kind("an identity named {identity} exists already", "Choose another name.", 2),
    "identity_in_use": Kind(
        "identity {identity} is used by {instances}", "Give these instances another identity, or remove them, first.", 2
    ),
    "identity_locked_out": Kind(
        "the keyring no longer holds the passphrase of identity {identity}",
        "Restore the keyring's entry, or remove the identity and import or generate it again.",
        1,
    ),
    "host_key_not_offered": Kind(
        "{instance} has not shown a host key with the fingerprint {fingerprint}",
        "Connect again and compare the fingerprint that is shown.",
        2,
    ),
    "store_readonly": Kind(
        "VastDesk cannot write to {path}", "Make the folder writable, or choose another one with --data-dir.", 1
    ),
    "store_full": Kind("the disk that holds {path} is full", "Free some space; what was stored before is complete.", 1),
    "store_locked": Kind(
        "another program keeps {path} locked",
        "Close programs that hold the file (a backup, a database viewer); try again.",
        1,
    ),
    "store_damaged": Kind(
        "the database {path} is damaged",
        "Close every VastDesk and start it again: the file is moved aside and a new one made.",
        1,
    ),
    "store_newer": Kind(
        "{path} was written by a newer VastDesk (its format is {found}, this one knows up to {known})",
        "Install the newer version again, or choose another folder with --data-dir.",
        1,
    ),
    "store_failed": Kind("{path} could not be read or written: {detail}", "Check the disk and try again.", 1),
    # the keyring
    "keyring_missing": Kind(
        "this computer offers no keyring to keep secrets in",
        "Start one (on Linux: gnome-keyring or KWallet, in a desktop session), or use an SSH agent.",
        1,
    ),
    "keyring_locked": Kind(
        "the keyring is locked ({backend})",
        "Unlock it (log in to the desktop session or answer its prompt); try again.",
        1,
    ),
    "keyring_null": Kind(
        "the keyring in use ({backend}) does not keep secrets safely",
        "Choose a real one: 'vastdesk doctor' shows which is in use and how to change it.",
        1,
    ),
    "keyring_failed": Kind("the keyring refused ({backend}): {detail}", "Check the keyring program; try again.", 1),
}


class VastDeskError(Exception):
    """A failure with a kind from the table. `str()` is the sentence; `action` the next thing to do; never holds a secret."""

    def __init__(self, kind: str, **facts: Any) -> None:
        entry = KINDS[kind]
        self.kind = kind
        self.facts = facts
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        self.exit_code = entry.exit_code
        super().__init__(self.sentence)
