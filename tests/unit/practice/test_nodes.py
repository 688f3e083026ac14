"""The list of custom nodes and their sources."""

from __future__ import annotations

import csv
from pathlib import Path

from vastdesk.remote.practice.nodes import read_nodes, write_node_list

RESOURCES = Path(__file__).parents[3] / "resources" / "practice"


def test_the_list_names_every_listed_node_at_its_address_of_now(tmp_path: Path) -> None:
    write_node_list(RESOURCES, tmp_path / "nodes.csv", lambda name: f"http://127.0.0.1:4711/{name}.git")
    with (tmp_path / "nodes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    listed = [node for node in read_nodes(RESOURCES) if node.listed]
    assert [row["Name"] for row in rows] == [node.name for node in listed]
    assert rows[0] == {
        "Name": "Practice-Text-Tools",
        "RepoUrl": "http://127.0.0.1:4711/Practice-Text-Tools.git",
        "Subfolder": "",
        "RequirementsFile": "requirements.txt",
    }


def test_there_is_something_of_everything_to_see() -> None:
    nodes = [node for node in read_nodes(RESOURCES) if node.listed]
    with_requirements = [node for node in nodes if (RESOURCES / "nodes" / node.name / "requirements.txt").exists()]
    assert len(nodes) == 10 and len(with_requirements) == 5
    assert len([node for node in nodes if node.missing]) == 1, "exactly one fails"
    assert len([node for node in nodes if node.installed]) == 1
    assert any(node.submodules for node in nodes) and any(node.filler for node in nodes)
    assert any((RESOURCES / "nodes" / node.name / "install.py").exists() for node in nodes)


def test_a_node_stands_behind_the_submodules_it_uses() -> None:
    seen: set[str] = set()
    for node in read_nodes(RESOURCES):
        assert set((node.submodules or {}).values()) <= seen
        seen.add(node.name)
