"""Failures the desktop can name, each with its sentence, the next action and its exit code, in one place.

`docs/troubleshooting.md` has an entry for every kind; a test compares the two. Add a kind here, never a sentence
elsewhere.
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
    "bad_ssh_string": Kind(
        "the SSH string cannot be used: {detail}",
        "Paste it as the machine's page shows it, like: ssh -p 12345 root@1.2.3.4",
        2,
    ),
    "bad_workflow": Kind(
        "the workflow {source} cannot be used:\n{details}",
        "Correct the file; 'vastdesk workflows check FILE' names every problem with its line.",
        2,
    ),
    "unreadable_workflow": Kind("{path} cannot be read as a workflow: {detail}", "Choose another file.", 2),
    "unwritable_workflow": Kind(
        "{path} cannot be written: {detail}", "Choose another place, or free some space; nothing was changed.", 1
    ),
    "unwritable_file": Kind("{path} cannot be written: {detail}", "Choose another place, or free some space.", 1),
    "bad_choice": Kind("{details}", "'vastdesk workflows show NAME' lists the steps and their parameters.", 2),
    "no_workflow": Kind(
        "there is no workflow {workflow}{hint}", "See 'vastdesk workflows list'; a YAML file works too.", 7
    ),
    "bad_setting": Kind("{name} {detail}", "See 'vastdesk settings list' for what each setting takes.", 2),
    "no_setting": Kind("there is no setting {name}{hint}", "See 'vastdesk settings list'.", 2),
    "wrong_use": Kind("{detail}", "{hint}", 2),
    "internal": Kind(
        "VastDesk itself broke off: {detail}", "Copy the details and report it; nothing stored is lost.", 1
    ),
    # the engine
    "engine_closed": Kind(
        "VastDesk is closing", "Start it again: what runs on machines goes on and is found again.", 1
    ),
    "run_ended": Kind(
        "run {run} has ended already: {state}", "There is nothing to cancel; 'vastdesk retry' runs it again.", 2
    ),
    "run_goes_on": Kind("run {run} is still on: {state}", "Wait for its end, or cancel it first.", 2),
    "nothing_to_resume": Kind("run {run} is complete", "'vastdesk retry RUN' runs its workflow again.", 2),
    "nothing_failed": Kind("nothing failed in run {run}", "'vastdesk retry RUN' runs its whole workflow again.", 2),
    "bad_node_list": Kind(
        "the node list {path} cannot be used: {detail}",
        "A node list is a CSV file with the header Name,RepoUrl,Subfolder,RequirementsFile; or write 'default'.",
        2,
    ),
    "step_timeout": Kind(
        "{step} took longer than its limit of {limit}",
        "See how far it got in the task list; set a longer time_limit in the workflow if it only is slow.",
        1,
    ),
    "wrong_machine": Kind(
        "this is another machine: its label is {found}, not {expected}",
        "Its address was given to somebody else. Refresh the instance's address; nothing was run there.",
        4,
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
    # reaching an instance
    "dns_failed": Kind(
        "the name {host} was not found ({detail})", "Check the host name and this computer's network connection.", 4
    ),
    "connect_refused": Kind(
        "{host} refused the connection to port {port}",
        "Check the port; a machine that is starting opens it after a while.",
        4,
    ),
    "connect_timeout": Kind(
        "{host} did not answer on port {port} within {timeout_s} s",
        "Check that the machine is running and that no firewall is in the way; Vast.ai also has a proxy address.",
        4,
    ),
    "host_unreachable": Kind(
        "{host} port {port} cannot be reached: {detail}",
        "Check this computer's network, and the jump host if there is one.",
        4,
    ),
    "not_ssh": Kind(
        "what listens on {host} port {port} is no SSH server; it said: {answer}",
        "Use the SSH port: Vast.ai shows it as part of the SSH command.",
        4,
    ),
    "kex_failed": Kind(
        "{host} port {port} shares no safe algorithm with VastDesk: {detail}",
        "Update the SSH server of the machine.",
        4,
    ),
    "host_key_unknown": Kind(
        "the host key of {name} at {host} port {port} is not known yet: {algorithm} {fingerprint}",
        "If this is your machine, trust it with: {trust}",
        3,
    ),
    "host_key_changed": Kind(
        "the host key of {name} at {host} port {port} has changed: shown {fingerprint}, trusted {pinned}; "
        "nothing was sent",
        "If you set the machine up anew, trust the new key with: {trust} - if not, somebody else may be answering: "
        "stop.",
        3,
    ),
    "auth_refused": Kind(
        "{host} port {port} refused to let {user} in with {key}",
        "Check the user, and that the machine knows this key; a new machine may need up to 3 minutes to learn it.",
        4,
    ),
    "key_missing": Kind(
        "there is no private key {path}",
        "Choose an identity for the instance: 'vastdesk identities generate NAME', or import a key file.",
        4,
    ),
    "key_locked": Kind(
        "the private key {path} is protected by a passphrase that was not given or is wrong",
        "Give the passphrase when asked, or add the key to your SSH agent and use it from there.",
        4,
    ),
    "key_unreadable": Kind("{path} cannot be used as a key: {detail}", "Choose another key file.", 4),
    "key_refused": Kind(
        "{key} could not sign: {detail}", "Confirm the use of the key in your SSH agent, or choose another.", 4
    ),
    "agent_missing": Kind(
        "identity {identity} lives in the SSH agent, and no agent answers",
        "Start the agent in this session (ssh-agent) and add the key with ssh-add.",
        4,
    ),
    "agent_lacks_key": Kind(
        "the SSH agent does not hold identity {identity} ({fingerprint})", "Add the key with ssh-add.", 4
    ),
    "connection_lost": Kind(
        "the connection to {host} was lost: {detail}", "The job goes on by itself; connect again.", 5
    ),
    # on the instance
    "shell_in_the_way": Kind(
        "the login shell of {host} lets no command through: {detail}",
        "On the machine run: touch ~/.no_auto_tmux - if that does not help, remove what ends or replaces the shell "
        "from its ~/.bashrc.",
        4,
    ),
    "no_python": Kind(
        "there is no python3 on {host}", "Install Python 3.8 or newer there: apt-get install -y python3.", 1
    ),
    "python_too_old": Kind(
        "{host} has only Python {found}; VastDesk needs 3.8 or newer", "Install a newer python3 there.", 1
    ),
    "home_not_writable": Kind(
        "VastDesk cannot write to {path} on {host}: {detail}", "Make the folder writable for the user that logs in.", 1
    ),
    "disk_full_remote": Kind(
        "the disk of {host} is full ({path})", "Free some space on the machine, or rent one with a larger disk.", 1
    ),
    "runner_failed": Kind(
        "the runner did not start on {host}: {detail}", "Copy the details and report it; nothing was changed there.", 1
    ),
    "runner_refused": Kind("the machine refused the request '{op}': {detail}", "Copy the details and report it.", 1),
    "no_answer": Kind(
        "{host} did not answer the request '{op}' within {timeout_s} s", "Try again; the machine may be overloaded.", 5
    ),
    "protocol_error": Kind(
        "{host} sent what VastDesk does not understand: {detail}", "Copy the details and report it.", 1
    ),
    "channel_refused": Kind(
        "{host} allows no further session on the connection: {detail}",
        "Raise MaxSessions in the machine's sshd_config.",
        1,
    ),
    "command_timeout": Kind(
        "'{command}' did not end within {timeout_s} s on {host}", "It may still be running there.", 1
    ),
    # the practice instance
    "practice_unavailable": Kind("{reason}", "Or add a machine of your own: vastdesk instances add.", 2),
    "practice_busy": Kind(
        "the practice instance in {folder} is in use by another VastDesk",
        "Close the other one, or give this one a folder of its own with --data-dir.",
        6,
    ),
    "practice_folder": Kind(
        "{folder} holds files that are not of the practice instance",
        "Move them away, or choose another folder with --data-dir.",
        2,
    ),
    "practice_failed": Kind(
        "the practice instance could not be made: {detail}",
        "Try again; 'vastdesk demo --fresh' makes it anew, 'vastdesk doctor' says what is missing.",
        1,
    ),
}


class VastDeskError(Exception):
    """A failure with a kind from the table. `str()` is the sentence; `action` the next thing to do; never holds a
    secret."""

    def __init__(self, kind: str, **facts: Any) -> None:
        entry = KINDS[kind]
        self.kind = kind
        self.facts = facts
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        self.exit_code = entry.exit_code
        super().__init__(self.sentence)
