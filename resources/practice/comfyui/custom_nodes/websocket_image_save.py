"""A custom node that is a single file, as ComfyUI brings one along."""


class SaveImageWebsocket:
    CATEGORY = "api/image"
    FUNCTION = "save_images"
    OUTPUT_NODE = True
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",)}}

    def save_images(self, images):
        return {}


NODE_CLASS_MAPPINGS = {"SaveImageWebsocket": SaveImageWebsocket}
