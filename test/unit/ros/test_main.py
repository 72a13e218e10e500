import sys

from unet_seg_ros.ros.__main__ import main


class Interrupt:
    """Stands in for a Ctrl-C while a module is looked for."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == 'unet_seg_ros.ros.node_process':
            raise KeyboardInterrupt


def test_an_interrupt_while_ros_is_imported_ends_the_node_well(monkeypatch):
    monkeypatch.delitem(sys.modules, 'unet_seg_ros.ros.node_process', raising=False)
    monkeypatch.setattr(sys, 'meta_path', [Interrupt(), *sys.meta_path])
    assert main([]) == 0
