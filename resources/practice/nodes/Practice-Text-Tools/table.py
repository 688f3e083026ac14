import colorama
from tabulate import tabulate


class TextTable:
    CATEGORY = "practice/text"
    FUNCTION = "make"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"lines": ("STRING", {"multiline": True})}}

    def make(self, lines):
        rows = [line.split(",") for line in lines.splitlines()]
        return (tabulate(rows) + colorama.Style.RESET_ALL,)
