import subprocess
import sys

INTERRUPTED = """
import signal
import sys
from unet_seg_ros.cli.main import main
class Interrupt:
    def find_spec(self, name, *_):
        if name == 'unet_seg_ros.cli.engines':
            class Lost:
                def __del__(self):
                    signal.raise_signal(signal.SIGINT)
            Lost()
sys.meta_path.insert(0, Interrupt())
main(['engines', '--help'])
"""


def test_an_interrupt_while_a_verb_is_imported_is_not_lost():
    command = [sys.executable, '-c', INTERRUPTED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert (ended.stdout, ended.stderr) == ('', 'unet-seg engines: interrupted\n')
