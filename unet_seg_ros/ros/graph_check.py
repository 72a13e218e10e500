"""Why a topic is silent, as far as the graph tells: names, types, quality of service."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rclpy.validate_full_topic_name import validate_full_topic_name

from unet_seg_ros.core.errors import one_line
from unet_seg_ros.core.finding import Finding, Level, fail, ok

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'

_BELOW = '/compressed'

# Names of the topics that a user is told, where none is similar to the one that is missing.
_MAX_TOLD = 3


def topics(node: Node) -> dict[str, list[str]]:
    """Return the types of each topic in the graph, by its full name."""
    return {name: kinds for name, kinds in node.get_topic_names_and_types() if _is_ros_name(name)}


def _is_ros_name(name: str) -> bool:
    """Return whether ROS takes a topic's name; DDS, and so what is no ROS node, takes any."""
    try:
        return bool(validate_full_topic_name(name))
    except InvalidTopicNameException:
        return False


def silence_reason(node: Node, topic: str) -> str:
    """
    Return the likely reason why nothing comes on a topic that a node subscribes to.

    Parameters
    ----------
    node : Node
        The node; its own subscription tells the type and the quality of service.
    topic : str
        The topic's full name.

    Returns
    -------
    str
        One line: what is wrong and how to mend it; empty where the graph shows nothing wrong.

    """
    own = _own_reader(node, topic)
    if own is None:
        return ''
    findings = check_publishers(node, topic, own.topic_type, own.qos_profile)
    wrong = next((f for f in findings if f.level is Level.FAIL), None)
    return f'{wrong.what}: {wrong.remedy}' if wrong else ''


def check_publishers(
    node: Node, topic: str, kind: str, reader: QoSProfile, subject: str = ''
) -> list[Finding]:
    """
    Tell whether a reader on a topic can receive what is published there.

    Parameters
    ----------
    node : Node
        Whose view of the graph is asked.
    topic : str
        The topic's full name.
    kind : str
        The reader's type, such as ``sensor_msgs/msg/Image``.
    reader : QoSProfile
        Its quality of service.
    subject : str
        The findings'.

    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return [_missing(node, topic, kind, subject)]
    findings = []
    for publisher in publishers:
        name = _name_of(publisher)
        if publisher.topic_type != kind:
            findings.append(
                fail(
                    subject,
                    f'{name} publishes {publisher.topic_type} on {topic}, not {kind}',
                    'set another topic, or let it publish that type',
                )
            )
        elif why := incompatibility(publisher.qos_profile, reader):
            findings.append(
                fail(
                    subject,
                    f'{topic}: the QoS of {name} and of the reader do not match ({why})',
                    f'set qos_overrides.{topic}.subscription.* in the YAML to what it offers',
                )
            )
        else:
            findings.append(ok(subject, f'{name} publishes {topic}, the QoS match'))
    return findings


def check_readers(node: Node, topic: str, writer: QoSProfile, subject: str) -> list[Finding]:
    """Tell which readers of an output, its type aside, cannot receive what a writer sends."""
    return [
        fail(
            subject,
            f'{topic}: the QoS of the reader {_name_of(reader)} does not match ({why})',
            f'let it ask for less, or set qos_overrides.{topic}.publisher.* in the YAML',
        )
        for reader in node.get_subscriptions_info_by_topic(topic)
        if (why := incompatibility(writer, reader.qos_profile))
    ]


def incompatibility(writer: QoSProfile, reader: QoSProfile) -> str:
    """Return why nothing passes from a writer to a reader; empty if it does."""
    compatibility, reason = qos_check_compatible(writer, reader)
    if compatibility != QoSCompatibility.ERROR:
        return ''
    return one_line(ValueError(reason)).replace('ERROR: ', '').strip('; ').lower()


def similar_topic(topic: str, others: Sequence[str]) -> str:
    """Return the topic that is most likely meant by a misspelt one; empty if none is like it."""
    near = difflib.get_close_matches(topic, others, n=1, cutoff=0.7)
    if near:
        return near[0]
    # CARLA's, and drivers', put the camera's name between others: /carla/ego/rgb_front/image.
    camera = topic.strip('/').split('/')[:-1][-1:]
    return next((o for o in others if camera and f'/{camera[0]}/' in o), '')


def _missing(node: Node, topic: str, kind: str, subject: str) -> Finding:
    what = f'nobody publishes {topic}'
    by_name = topics(node)
    plain = topic.removesuffix(_BELOW)
    other, transport = (plain, 'raw') if kind == COMPRESSED else (f'{topic}{_BELOW}', 'compressed')
    if other in by_name and node.count_publishers(other):
        return fail(subject, f'{what}, only {other}', f"set the camera's transport to {transport}")
    # What is read already belongs to another camera.
    others = [
        other
        for other, kinds in by_name.items()
        if kind in kinds
        and '/segmentation/' not in other
        and node.count_publishers(other)
        and _own_reader(node, other) is None
    ]
    if meant := similar_topic(topic, others):
        return fail(subject, what, f'is {meant} meant?')
    if others:
        return fail(subject, what, f'others of its type are {", ".join(others[:_MAX_TOLD])}')
    return fail(
        subject, what, 'is its driver running, in the same ROS_DOMAIN_ID and within discovery?'
    )


def _own_reader(node: Node, topic: str) -> TopicEndpointInfo | None:
    own = (node.get_name(), node.get_namespace())
    readers = node.get_subscriptions_info_by_topic(topic)
    return next((r for r in readers if (r.node_name, r.node_namespace) == own), None)


def _name_of(endpoint: TopicEndpointInfo) -> str:
    # Of a DDS program that is no ROS node, and of a node that is only just being discovered.
    if endpoint.node_name == '_NODE_NAME_UNKNOWN_':
        return 'a program without a node name'
    return f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}'
