"""The store: everything VastDesk remembers, behind awaitable methods.

Each method is one transaction in the store's thread. Several processes may have the same data folder open.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey, Identity, Instance
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.settings import Value, value_of
from vastdesk.domain.views import RunView
from vastdesk.store import events as event_log
from vastdesk.store import instances, runs, settings
from vastdesk.store.db import Database
from vastdesk.store.opening import Opener, os_error
from vastdesk.store.owners import Owner
from vastdesk.store.resources import DATABASE, make_private
from vastdesk.store.rows import Command, JobRow, NewRun, RunHead, RunRow
from vastdesk.store.snapshots import EVERY, Replay, keep_up

DAY_S = 86_400


class Store:
    """Made by `await Store.open(data_dir)`, ended by `await close()` or `async with`.

    Raises `VastDeskError`: `store_…` for the state of the disk and the file, and the kinds each method names. `no_run`,
    `no_instance` and `no_identity` come from every method that is given one that is not there.
    """

    def __init__(self, data_dir: Path, *, busy_s: float = 10.0) -> None:
        self.data_dir = data_dir
        self.notices: list[str] = []
        """What the user should be told about the opening, as sentences: the database was damaged and moved."""
        self._db = Database(data_dir / DATABASE, busy_s=busy_s)
        self._owner = Owner(data_dir / "owners")

    @classmethod
    async def open(cls, data_dir: Path, *, busy_s: float = 10.0) -> Store:
        """Opens the database below `data_dir`, making both if need be. `busy_s`: how long to wait for other
        processes."""
        store = cls(data_dir, busy_s=busy_s)
        await store._begin()
        return store

    async def _begin(self) -> None:
        opener = Opener()
        try:
            await asyncio.to_thread(make_private, self.data_dir)
            await self._db.open(opener)
            await self._db.write(lambda c: self._owner.begin())
        except OSError as error:
            await self._db.close()
            raise os_error(error, self.data_dir) from error
        except BaseException:
            await self._db.close()
            raise
        self.notices = opener.notices

    async def close(self) -> None:
        """Finishes what was begun, gives up the runs this process drives, closes the file. May be called twice."""
        try:
            with contextlib.suppress(VastDeskError, RuntimeError):  # a dropped lock says the same as a cleared name
                await self._db.write(lambda c: runs.release_all(c, self.owner))
        finally:
            self._owner.end()
            await self._db.close()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def owner(self) -> str:
        """The id under which this process drives runs."""
        return self._owner.id

    async def change_count(self) -> int:
        """A number that grows when any process, this one too, changes the database. Costs microseconds in the store's
        thread: ask as often as you like."""
        return await self._db.change_count()

    async def integrity(self) -> tuple[str, str]:
        """SQLite's version, and its verdict on the file: `ok`, or the first thing that is wrong. Reads the whole
        file."""
        return await self._db.read(
            lambda c: (
                str(c.execute("SELECT sqlite_version()").fetchone()[0]),
                str(c.execute("PRAGMA quick_check(1)").fetchone()[0]),
            )
        )

    # ---- instances

    async def add_instance(
        self,
        name: str,
        endpoints: Sequence[Endpoint],
        *,
        identity: str | None = None,
        identity_file: str | None = None,
        jump: str | None = None,
        profile: Mapping[str, Any] | None = None,
        vast_id: str | None = None,
    ) -> Instance:
        """Saves a new instance. Raises `instance_exists`, `no_identity`."""
        fields = {
            "identity": identity,
            "identity_file": identity_file,
            "jump": jump,
            "profile": profile,
            "vast_id": vast_id,
        }
        return await self._db.write(lambda c: instances.add_instance(c, name, endpoints, **fields))

    async def find_instance(self, name_or_id: str) -> Instance:
        """By exact name, else by id. Raises `no_instance`."""
        return await self._db.read(lambda c: instances.find_instance(c, name_or_id))

    async def instances(self) -> list[Instance]:
        """All of them, by name."""
        return await self._db.read(instances.list_instances)

    async def update_instance(self, instance_id: str, **fields: Any) -> Instance:
        """Changes fields of `Instance`; `endpoints` and `profile` are replaced whole. Raises `instance_exists`,
        `no_identity`."""
        return await self._db.write(lambda c: instances.update_instance(c, instance_id, fields))

    async def remove_instance(self, instance_id: str) -> None:
        """Removes it with its host keys; its runs stay in the history. Raises `instance_busy` while a run is on."""
        await self._db.write(lambda c: instances.remove_instance(c, instance_id))

    async def host_key(self, instance_id: str) -> HostKey | None:
        """The pinned key."""
        return await self._db.read(lambda c: instances.host_key(c, instance_id, "pinned"))

    async def offered_host_key(self, instance_id: str) -> HostKey | None:
        """The key the server showed last that is not pinned."""
        return await self._db.read(lambda c: instances.host_key(c, instance_id, "offered"))

    async def offer_host_key(self, instance_id: str, key: HostKey) -> None:
        """Notes a key for the user to decide on."""
        await self._db.write(lambda c: instances.offer_host_key(c, instance_id, key))

    async def trust_host_key(self, instance_id: str, fingerprint: str) -> HostKey:
        """Pins exactly the offered key with that fingerprint. Raises `host_key_not_offered`."""
        return await self._db.write(lambda c: instances.trust_host_key(c, instance_id, fingerprint), durable=True)

    async def forget_host_key(self, instance_id: str) -> None:
        """Forgets pinned and offered key: the next connection asks again."""
        await self._db.write(lambda c: instances.forget_host_key(c, instance_id))

    async def identities(self) -> list[Identity]:
        """All of them, by name."""
        return await self._db.read(instances.list_identities)

    async def find_identity(self, name: str) -> Identity:
        """By exact name. Raises `no_identity`."""
        return await self._db.read(lambda c: instances.find_identity(c, name))

    async def add_identity(self, identity: Identity) -> Identity:
        """Saves it. Raises `identity_exists`."""
        return await self._db.write(lambda c: instances.add_identity(c, identity))

    async def remove_identity(self, name: str) -> None:
        """Raises `identity_in_use` while an instance logs in with it."""
        await self._db.write(lambda c: instances.remove_identity(c, name))

    # ---- runs

    async def create_run(self, new: NewRun) -> RunRow:
        """Makes the run and, unless it has to wait, claims it for this process. On the disk when this returns.

        The same id with the same request gives the run that is there, whoever drives it. Raises `instance_busy` (fact
        `run`), `run_differs`.
        """
        return await self._db.write(lambda c: runs.create_run(c, new, self.owner), durable=True)

    async def find_run(self, text: str) -> RunRow:
        """By id, by the beginning of one, or `last`. Raises `run_ambiguous`."""
        return await self._db.read(lambda c: runs.find_run(c, text))

    async def runs(self, limit: int | None = None) -> list[RunRow]:
        """The newest first."""
        return await self._db.read(lambda c: runs.list_runs(c, limit))

    async def open_runs(self) -> list[RunRow]:
        """Those that have not ended, the newest first."""
        return await self._db.read(runs.open_runs)

    async def open_numbers(self) -> dict[str, int]:
        """Of the runs that have not ended: the number of their newest event, by id."""
        return await self._db.read(runs.open_numbers)

    async def history(self) -> list[RunHead]:
        """All runs, light, the newest first."""
        return await self._db.read(runs.history)

    async def history_mark(self) -> tuple[int, int, float]:
        """Another value whenever `history` would list other runs or other ends."""
        return await self._db.read(runs.history_mark)

    async def forget_runs(self, ids: Iterable[str]) -> int:
        """Removes those that have ended, with their events; leaves the others. How many were removed."""
        forgotten = 0
        for run_id in list(ids):  # one transaction each: a run may have a million events
            forgotten += await self._db.write(partial(runs.forget_run, run_id=run_id))
        return forgotten

    async def forget_expired_runs(self) -> int:
        """Removes the runs that ended longer ago than the setting `history_days` allows. How many."""

        def expired(connection: sqlite3.Connection) -> list[str]:
            days = int(value_of("history_days", settings.setting(connection, "history_days")))
            return runs.ended_before(connection, time.time() - days * DAY_S) if days else []

        return await self.forget_runs(await self._db.read(expired))

    async def claim_run(self, run_id: str) -> bool:
        """Makes this process the driver. True also when it is already. A waiting run is claimed when it is its turn,
        and is no longer waiting then. False: a living process drives it, or its turn has not come."""
        return await self._db.write(lambda c: runs.claim_run(c, run_id, self._owner))

    async def release_run(self, run_id: str) -> None:
        """This process drives it no longer; nothing happens when it did not."""
        await self._db.write(lambda c: runs.release_run(c, run_id, self.owner))

    async def is_driven(self, run_id: str) -> bool:
        """Whether a living process, this one or another, drives the run."""
        row = await self._db.read(lambda c: runs.run_by_id(c, run_id))
        if row.owner is None or row.owner == self.owner:
            return row.owner is not None
        return await self._db.write(lambda c: self._owner.is_alive(runs.run_by_id(c, run_id).owner))

    async def next_queued(self, instance_id: str) -> RunRow | None:
        """The waiting run whose turn it is; None while another is on."""
        return await self._db.read(lambda c: runs.next_waiting(c, instance_id))

    async def add_job(self, run_id: str, job_id: str, spec: Mapping[str, Any]) -> None:
        """Stores a job before it is sent. Again with the same id: the first spec stays. On the disk when this
        returns."""
        await self._db.write(lambda c: runs.add_job(c, run_id, job_id, spec), durable=True)

    async def jobs(self, run_id: str) -> list[JobRow]:
        """The jobs for the instance in the order of their making; the desktop's own is not among them."""
        return await self._db.read(lambda c: runs.jobs_of(c, run_id))

    async def add_command(self, run_id: str, kind: str, reason: str) -> None:
        """Leaves a wish of the user for the process that drives the run. On the disk when this returns."""
        await self._db.write(lambda c: runs.add_command(c, run_id, kind, reason), durable=True)

    async def runs_with_commands(self) -> list[str]:
        """Runs of which something was asked that nobody has taken yet."""
        return await self._db.read(runs.runs_with_commands)

    async def take_commands(self, run_id: str) -> list[Command]:
        """What was asked since the last call, in order; each is handed out once."""
        if not await self._db.read(lambda c: runs.has_commands(c, run_id)):
            return []
        return await self._db.write(lambda c: runs.take_commands(c, run_id), durable=True)

    # ---- events

    async def append(self, run_id: str, job: str, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Stores the events that are new in their job and returns them as stored, with `run`, `job` and `rseq`.

        What is stored already is left out: sending again from `last_seq` is always right. A gap is taken for a hole in
        the log on the instance, and an `unreadable` event with the `count` of the missing ones stands in its place.
        """
        appended = await self._db.write(lambda c: event_log.append(c, run_id, job, events))
        self._keep_snapshot(run_id, appended)
        return appended.events

    async def append_desktop(self, run_id: str, type: str, **fields: Any) -> dict[str, Any]:
        """Stores an event of the engine; `seq`, `ts` and `mono` are given here. A `run_state` also sets the run's
        state; one that makes an ended run go on raises `instance_busy` when another holds the instance (and nothing
        is stored)."""
        appended = await self._db.write(lambda c: event_log.append_desktop(c, run_id, type, fields))
        self._keep_snapshot(run_id, appended)
        return appended.events[0]

    async def last_seq(self, run_id: str, job: str) -> int:
        """Number of the job's newest stored event, 0 when there is none."""
        return await self._db.read(lambda c: event_log.last_seq(c, run_id, job))

    async def events(self, run_id: str, since: int = 0, limit: int = 5000) -> list[dict[str, Any]]:
        """At most `limit` events with `rseq` > `since`, in order."""
        return await self._db.read(lambda c: event_log.events_since(c, run_id, since, limit))

    async def view(self, run_id: str) -> RunView:
        """The run as its events tell it."""
        return (await self.reducer(run_id)).view()

    async def reducer(self, run_id: str) -> Reducer:
        """A reducer that has read all that is stored of the run, up to its `last_rseq`, to go on reading with: from the
        last snapshot and what came after."""
        replay = Replay(run_id)
        await self._db.read(replay.begin)
        while await self._db.read(replay.step):
            pass
        if replay.is_worth_saving:
            self._db.write_later(replay.save)
        return replay.reducer

    def _keep_snapshot(self, run_id: str, appended: event_log.Appended) -> None:
        if not appended.events:
            return
        first, last = appended.events[0]["rseq"], appended.events[-1]["rseq"]
        if appended.ended or (first - 1) // EVERY < last // EVERY:
            # behind the caller's back: a snapshot is a convenience, the events are stored
            self._db.write_later(lambda c: keep_up(c, run_id))

    # ---- settings

    async def setting(self, name: str) -> str | None:
        """The stored text, None when the default is in use: `domain.settings.value_of` makes the value. Raises
        `no_setting`."""
        return await self._db.read(lambda c: settings.setting(c, name))

    async def set_setting(self, name: str, text: str | None) -> Value:
        """Checks and stores a text; None goes back to the default. The value now in use. Raises `no_setting`,
        `bad_setting`."""
        return await self._db.write(lambda c: settings.set_setting(c, name, text))

    async def settings(self) -> dict[str, str]:
        """The texts of all settings that were changed: `domain.settings.values_of` makes values of them."""
        return await self._db.read(settings.all_settings)
