"""
What a trained network shows, as figures and one page that a person can look at.

Imports matplotlib without pyplot, and of this package ``training`` and ``core``.
"""

from unet_seg_ros.training.results.about import about_run
from unet_seg_ros.training.results.run import report_run
from unet_seg_ros.training.results.writing import write_results

__all__ = ['about_run', 'report_run', 'write_results']
