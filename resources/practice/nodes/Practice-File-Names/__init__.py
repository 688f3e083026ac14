from slugify import slugify


class SafeName:
    CATEGORY = "practice/text"
    FUNCTION = "make"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"title": ("STRING", {"default": ""})}}

    def make(self, title):
        return (slugify(title),)


NODE_CLASS_MAPPINGS = {"PracticeSafeName": SafeName}
