from .shared.rounding import to_multiple


class RoundSize:
    CATEGORY = "practice/image"
    FUNCTION = "round"
    RETURN_TYPES = ("INT", "INT")

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"width": ("INT", {"default": 512}), "height": ("INT", {"default": 512})}}

    def round(self, width, height):
        return (to_multiple(width, 8), to_multiple(height, 8))


NODE_CLASS_MAPPINGS = {"PracticeRoundSize": RoundSize}
