"""The ament_python package; extras name what ROS's own packages do not bring."""

from glob import glob

from setuptools import find_packages, setup

NAME = 'unet_seg_ros'

# The wheels for machines on which no ROS is sourced, by distribution.
ROS_PACKAGES = (
    'diagnostic-msgs',
    'lifecycle-msgs',
    'rcl-interfaces',
    'rclpy',
    'rmw-fastrtps-cpp',
    'rosgraph-msgs',
    'sensor-msgs',
    'std-msgs',
    'std-srvs',
)
ROS_WHEELS = {
    distribution: [f'ros-{distribution}-{name}' for name in ROS_PACKAGES]
    for distribution in ('jazzy', 'kilted')
}

RTX_WHEELS = ('tensorrt-rtx-cu13-libs', 'tensorrt-rtx-cu13-bindings')
ON_PC = 'sys_platform == "linux" and platform_machine == "x86_64"'

CUDA = 'cuda-bindings>=12.6; sys_platform == "linux"'

# TensorRT's builder, which needs no GPU.
TENSORRT_RTX = [f'{wheel}>=1.7,<2; {ON_PC}' for wheel in RTX_WHEELS]

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        (f'share/{NAME}/config', glob('config/*.*')),
        (f'share/{NAME}/config/training', glob('config/training/*.yaml')),
        (f'share/{NAME}/launch', glob('launch/*.launch.py')),
        (f'share/{NAME}/models', glob('resource/models/*')),
    ],
    python_requires='>=3.10',
    install_requires=[
        'numpy',
        'onnx>=1.16',
        'onnxruntime>=1.18',
        'opencv-python-headless>=4.11',
        'openvino>=2024.4',
        'pyyaml',
    ],
    extras_require={
        'ros': ROS_WHEELS['jazzy'],
        'ros-kilted': ROS_WHEELS['kilted'],
        # Wheels end at Python 3.12; the server's own version is the one to take.
        'carla': ['carla>=0.9.13; python_version < "3.13"'],
        'recordings': ['mcap>=1.1', 'rosbags>=0.11'],
        'training': [
            'lightning>=2.4',
            'matplotlib>=3.7',
            'onnxruntime>=1.20',  # its quantization
            'onnxscript',
            'pyyaml',
            'torch>=2.6',
            'torchmetrics>=1.0',
            'tqdm',
        ],
        # What TensorRT and TensorRT-RTX run on; version 12 for drivers of CUDA 12, else 13.
        'tensorrt': [CUDA],
        'tensorrt-rtx': TENSORRT_RTX,
        'test': [
            f'cyclonedds>=11; {ON_PC}',
            'mcap-ros2-support',
            'pytest',
            'pytest-timeout',
            'pytest-xdist',
            CUDA,
            *TENSORRT_RTX,
        ],
        'lint': ['catkin-pkg', 'import-linter', 'mypy', 'ruff', 'types-PyYAML', 'types-tqdm'],
    },
    zip_safe=True,
    author='The unet_seg_ros developers',
    maintainer='The unet_seg_ros developers',
    maintainer_email='unet_seg_ros@users.noreply.github.com',
    description='Semantic segmentation of camera images for ROS 2 vehicle stacks',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            f'segmentation_node = {NAME}.ros.__main__:main',
            f'unet-seg = {NAME}.cli.main:main',
        ],
    },
)
