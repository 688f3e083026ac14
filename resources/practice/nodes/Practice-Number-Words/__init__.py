import humanize


class SizeInWords:
    CATEGORY = "practice/text"
    FUNCTION = "say"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"size": ("INT", {"default": 0})}}

    def say(self, size):
        return (humanize.naturalsize(size),)


NODE_CLASS_MAPPINGS = {"PracticeSizeInWords": SizeInWords}
