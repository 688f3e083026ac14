import os

import markdown

STYLE = os.environ["PRACTICE_NOTES_STYLE"]


class Note:
    CATEGORY = "practice/text"
    FUNCTION = "render"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"multiline": True})}}

    def render(self, text):
        return (markdown.markdown(text),)


NODE_CLASS_MAPPINGS = {"PracticeNote": Note}
