import json
import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "names.json"), encoding="utf-8") as _file:
    NAMES = json.load(_file)


class PickName:
    CATEGORY = "practice/text"
    FUNCTION = "pick"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"name": (NAMES,)}}

    def pick(self, name):
        return (name,)


NODE_CLASS_MAPPINGS = {"PracticePickName": PickName}
