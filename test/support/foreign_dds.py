"""
A camera and a reader of masks on Cyclone DDS, without ROS; run as a process.

Each line on standard input, a JSON object, is published as an image; each mask that arrives is
written to standard output as such a line. It runs until its input ends.

usage: foreign_dds.py DOMAIN {reliable,best_effort} IMAGE_TOPIC MASK_TOPIC
"""

import json
import os
import sys
from dataclasses import dataclass
from threading import Thread

# Where ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST is at home: this machine alone.
os.environ['CYCLONEDDS_URI'] = """
<Domain>
  <General>
    <Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>
    <AllowMulticast>false</AllowMulticast>
  </General>
  <Discovery>
    <ParticipantIndex>auto</ParticipantIndex>
    <MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>
    <Peers><Peer address="127.0.0.1"/></Peers>
  </Discovery>
</Domain>
"""

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import int32, sequence, uint8, uint32
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

RELIABILITIES = {
    'reliable': Policy.Reliability.Reliable(duration(seconds=1)),
    'best_effort': Policy.Reliability.BestEffort,
}


# The fields as ROS 2 has them, the type names as it gives them to DDS. Cyclone DDS reads the types
# themselves: no postponed annotations here.
@dataclass
class Time(IdlStruct, typename='builtin_interfaces::msg::dds_::Time_'):
    sec: int32
    nanosec: uint32


@dataclass
class Header(IdlStruct, typename='std_msgs::msg::dds_::Header_'):
    stamp: Time
    frame_id: str


@dataclass
class Image(IdlStruct, typename='sensor_msgs::msg::dds_::Image_'):
    header: Header
    height: uint32
    width: uint32
    encoding: str
    is_bigendian: uint8
    step: uint32
    data: sequence[uint8]


def to_image(line: str) -> Image:
    fields = json.loads(line)
    header = Header(Time(*fields.pop('stamp')), fields.pop('frame_id'))
    return Image(header, is_bigendian=0, data=list(bytes.fromhex(fields.pop('data'))), **fields)


def to_line(image: Image) -> str:
    stamp = image.header.stamp
    fields = {
        'stamp': [stamp.sec, stamp.nanosec],
        'frame_id': image.header.frame_id,
        'height': image.height,
        'width': image.width,
        'encoding': image.encoding,
        'step': image.step,
        'data': bytes(image.data).hex(),
    }
    return json.dumps(fields)


def publish_lines(writer: DataWriter) -> None:
    for line in sys.stdin:
        writer.write(to_image(line))
    os._exit(0)


def main(domain: str, reliability: str, image_topic: str, mask_topic: str) -> None:
    participant = DomainParticipant(int(domain))
    common = RELIABILITIES[reliability], Policy.History.KeepLast(1)
    # ROS 2 speaks the first encoding of DDS-XTypes.
    encoding = Policy.DataRepresentation(use_cdrv0_representation=True)
    writer = DataWriter(
        participant, Topic(participant, image_topic, Image), Qos(*common, encoding)
    )
    reader = DataReader(participant, Topic(participant, mask_topic, Image), Qos(*common))
    Thread(target=publish_lines, args=(writer,), daemon=True).start()
    while True:
        for image in reader.take_iter(timeout=duration(days=1)):
            sys.stdout.write(to_line(image) + '\n')
            sys.stdout.flush()


if __name__ == '__main__':
    main(*sys.argv[1:])
