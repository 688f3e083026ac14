"""Prepares a table of names, as many nodes prepare something here."""

import json
import os

FOLDER = os.path.dirname(os.path.abspath(__file__))

print("Practice-Setup-Script: preparing its names")
with open(os.path.join(FOLDER, "names.json"), "w", encoding="utf-8") as file:
    json.dump(["first", "second", "third"], file)
print("Practice-Setup-Script: done")
