"""The door of the workers: the practice instance in the store, and its workflow."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.store.store import Store
from vastdesk.workers.practice import practice_workflow, run_practice

from .conftest import to


async def test_it_is_saved_with_its_key_pinned_and_found_again(prepared: Path, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    async with await Store.open(tmp_path) as store:
        for _ in range(2):
            async with run_practice(store, prepared.parent, on_progress=lambda *step: heard.append(step)) as practice:
                assert practice.instance.name == "practice"
                assert practice.instance.endpoints == (Endpoint("127.0.0.1", practice.facts.port, practice.facts.user),)
                assert practice.instance.identity_file == str(practice.facts.identity_file)
                assert await store.host_key(practice.instance.id) == practice.facts.host_key
                assert await store.offered_host_key(practice.instance.id) is None
                async with to(practice.facts) as connection:
                    assert (await connection.run("true")).exit_status == 0
        assert len(await store.instances()) == 1
    assert heard[-1] == ("ready", 5, 5)


async def test_another_port_or_key_is_followed(prepared: Path, tmp_path: Path) -> None:
    async with await Store.open(tmp_path) as store:
        old = await store.add_instance("practice", [Endpoint("127.0.0.1", 1, "nobody")], identity_file="/gone")
        async with run_practice(store, prepared.parent) as practice:
            assert practice.instance.id == old.id
            assert practice.instance.endpoints[0].port == practice.facts.port
            assert practice.instance.identity_file == str(practice.facts.identity_file)


async def test_a_machine_of_the_users_with_that_name_is_left_alone(prepared: Path, tmp_path: Path) -> None:
    async with await Store.open(tmp_path) as store:
        await store.add_instance("practice", [Endpoint("198.51.100.7", 22, "root")])
        with pytest.raises(VastDeskError) as refused:
            async with run_practice(store, prepared.parent):
                pass
        assert refused.value.kind == "instance_exists"
        async with await Store.open(tmp_path / "other") as other, run_practice(other, prepared.parent):
            pass  # nothing is left locked


async def test_its_workflow_has_its_own_node_list_and_folder(prepared: Path, tmp_path: Path) -> None:
    text = """
name: ComfyUI set-up
version: 1
step_delay: 5
steps:
  - use: test_ssh
  - use: set_ui_home
    with: {path: /workspace/ComfyUI}
  - use: install_custom_nodes
    id: nodes
    with: {nodes: default, parallel: 2}
"""
    async with await Store.open(tmp_path) as store, run_practice(store, prepared.parent) as practice:
        made = yaml.safe_load(practice_workflow(text, practice.facts))
        assert made["step_delay"] < 5
        assert made["steps"][1]["with"]["path"] == str(practice.facts.comfyui)
        assert made["steps"][2]["with"] == {"nodes": str(practice.facts.node_list), "parallel": 2}
