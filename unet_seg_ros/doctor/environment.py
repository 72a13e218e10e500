"""The variables that decide which nodes of ROS see each other."""

from __future__ import annotations

from collections.abc import Mapping

from unet_seg_ros.core.finding import Finding, fail, ok, warn

_DOMAIN, _RANGE, _LOCALHOST = (
    'ROS_DOMAIN_ID',
    'ROS_AUTOMATIC_DISCOVERY_RANGE',
    'ROS_LOCALHOST_ONLY',
)

# docs.ros.org, "The ROS_DOMAIN_ID": higher domains use ports that Linux gives to anybody, and
# above the second number there are no ports at all.
_SAFE_DOMAIN, _LAST_DOMAIN = 101, 232

_RANGES = {
    'SUBNET': 'finds nodes in the local network',
    'LOCALHOST': 'finds nodes on this machine only',
    'SYSTEM_DEFAULT': "finds nodes as the middleware's own settings say",
}


def check_domain(environ: Mapping[str, str]) -> Finding:
    """Tell the ROS domain; nodes of another one are never seen."""
    text = environ.get(_DOMAIN, '') or '0'
    if not (text.isascii() and text.isdecimal()) or int(text) > _LAST_DOMAIN:
        return fail('domain', f'{_DOMAIN}={text}', f'set a whole number from 0 to {_SAFE_DOMAIN}')
    if int(text) > _SAFE_DOMAIN:
        return warn(
            'domain',
            f'{_DOMAIN}={text} uses ports that Linux gives to other programs too',
            f'set one from 0 to {_SAFE_DOMAIN}',
        )
    where = '' if _DOMAIN in environ else f' ({_DOMAIN} is not set)'
    return ok('domain', f'{text}{where}; nodes in another domain are not seen')


def check_discovery(environ: Mapping[str, str]) -> Finding:
    """Tell how far nodes are looked for."""
    # Any other value leaves the choice to the newer variable.
    if environ.get(_LOCALHOST) == '1':
        return warn(
            'discovery',
            f'{_LOCALHOST}=1 overrides {_RANGE} and is deprecated since Iron',
            f'unset it, and set {_RANGE} to LOCALHOST or SUBNET',
        )
    chosen = environ.get(_RANGE, '') or 'SUBNET'
    if chosen == 'OFF':
        return fail('discovery', f'{_RANGE}=OFF: no node sees another', f'set {_RANGE}=SUBNET')
    if chosen not in _RANGES:
        return fail('discovery', f'{_RANGE}={chosen}', f'set one of {", ".join(_RANGES)}')
    peers = environ.get('ROS_STATIC_PEERS', '')
    return ok('discovery', f'{chosen}: {_RANGES[chosen]}{f", and {peers}" if peers else ""}')
