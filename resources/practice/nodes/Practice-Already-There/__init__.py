class Reverse:
    CATEGORY = "practice/text"
    FUNCTION = "make"
    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": ""})}}

    def make(self, text):
        return (text[::-1],)


NODE_CLASS_MAPPINGS = {"PracticeReverse": Reverse}
