import subprocess
import sys

# Raised there, a KeyboardInterrupt would be lost, and the node would run on.
INTERRUPTED = """
import signal
import sys
from unet_seg_ros.ros.__main__ import main
class Interrupt:
    def find_spec(self, name, *_):
        if name == 'rclpy':
            class Lost:
                def __del__(self):
                    signal.raise_signal(signal.SIGINT)
            Lost()
sys.meta_path.insert(0, Interrupt())
main(['--ros-args', '-p', 'model:=/nowhere'])
raise SystemExit('it went on')
"""


def test_an_interrupt_while_ros_is_imported_is_not_lost():
    command = [sys.executable, '-c', INTERRUPTED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '', '')
