from packaging.version import Version
from sortedcontainers import SortedList

assert Version("1.10") > Version("1.9")


class SortLines:
    CATEGORY = "practice/text"
    FUNCTION = "sort"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"lines": ("STRING", {"multiline": True})}}

    def sort(self, lines):
        return ("\n".join(SortedList(lines.splitlines())),)


NODE_CLASS_MAPPINGS = {"PracticeSortLines": SortLines}
