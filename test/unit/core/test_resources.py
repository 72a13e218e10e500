import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unet_seg_ros
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.resources import DEFAULT_MODEL, shared_file


def test_the_shipped_files_are_found():
    assert shared_file('config', 'fastdds_profile.xml').is_file()
    assert shared_file('models', DEFAULT_MODEL).stat().st_size < 9_000_000


def test_a_missing_file_is_named():
    with pytest.raises(ConfigurationError, match=r'config/nothing\.yaml'):
        shared_file('config', 'nothing.yaml')


def test_an_installed_package_finds_its_share_folder(tmp_path):
    # As colcon and pip lay it out: PREFIX/lib/pythonX.Y/site-packages and PREFIX/share.
    site = tmp_path / 'lib' / 'python3' / 'site-packages'
    source = Path(unet_seg_ros.__file__).parent
    shutil.copytree(source, site / 'unet_seg_ros')
    share = tmp_path / 'share' / 'unet_seg_ros' / 'config'
    share.mkdir(parents=True)
    (share / 'fastdds_profile.xml').write_text('here')
    code = (
        'from unet_seg_ros.core.resources import shared_file;'
        "print(shared_file('config', 'fastdds_profile.xml'))"
    )
    found = subprocess.run(
        [sys.executable, '-c', code], cwd=site, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(share / 'fastdds_profile.xml')
