"""The part of ComfyUI's command line that tools use."""

import argparse

parser = argparse.ArgumentParser(description="The ComfyUI look-alike of VastDesk's practice instance")
parser.add_argument("--listen", nargs="?", default="127.0.0.1", const="0.0.0.0", metavar="IP")
parser.add_argument("--port", type=int, default=8188)
parser.add_argument("--base-directory")
parser.add_argument("--output-directory")
parser.add_argument("--input-directory")
parser.add_argument("--temp-directory")
parser.add_argument("--user-directory")
parser.add_argument("--database-url")
parser.add_argument("--extra-model-paths-config", nargs="+", action="append", default=[], metavar="PATH")
parser.add_argument("--cuda-device", type=int)
parser.add_argument("--preview-method", default="none")
parser.add_argument("--preview-size", type=int, default=512)
parser.add_argument("--cache-lru", type=int, default=0)
parser.add_argument("--reserve-vram", type=float)
parser.add_argument("--max-upload-size", type=float, default=100)
parser.add_argument("--enable-cors-header", nargs="?", const="*")
parser.add_argument("--log-stdout", action="store_true")
parser.add_argument("--quick-test-for-ci", action="store_true")
parser.add_argument("--disable-all-custom-nodes", action="store_true")
parser.add_argument("--whitelist-custom-nodes", nargs="+", default=[])
for _flag in (
    "--cpu --lowvram --highvram --normalvram --novram --cache-none --cache-classic --disable-auto-launch --auto-launch "
    "--disable-metadata --disable-api-nodes --multi-user --verbose"
).split():
    parser.add_argument(_flag, action="store_true")

args = parser.parse_args()
