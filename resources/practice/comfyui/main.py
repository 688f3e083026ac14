"""Start of the look-alike: options, custom nodes, then the server."""

import itertools
import logging
import os
import signal
import sys

from comfy.cli_args import args

logging.basicConfig(
    level=logging.INFO, format="%(message)s", stream=sys.stdout if args.log_stdout else sys.stderr, force=True
)

import extra_config
import folder_paths
import nodes
import server
from comfyui_version import __version__


def read_extra_model_paths():
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "extra_model_paths.yaml")
    for path in itertools.chain([own] if os.path.isfile(own) else [], *args.extra_model_paths_config):
        extra_config.load_extra_path_config(path)


def main():
    read_extra_model_paths()
    nodes.execute_prestartup_scripts()
    logging.info("Set vram state to: DISABLED")
    logging.info("Device: cpu")
    logging.info("Python version: %s", sys.version)
    logging.info("ComfyUI version: %s", __version__)
    server.PromptServer()
    nodes.init_extra_nodes()
    if args.quick_test_for_ci:
        return
    for folder in (folder_paths.output_directory, folder_paths.input_directory, folder_paths.user_directory):
        os.makedirs(folder, exist_ok=True)
    listener = server.make()
    # SIGTERM must end the server in an orderly way: by default it would leave the temp folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.info("Starting server\n")
    logging.info("To see the GUI go to: http://%s:%d", args.listen, listener.server_address[1])
    try:
        listener.serve_forever()
    except KeyboardInterrupt:
        logging.info("\nStopped server")
    finally:
        listener.server_close()


if __name__ == "__main__":
    main()
