"""
Recordings from a CARLA server: synchronous images and tags over towns, weathers and traffic.

Imports ``recordings`` and ``core``, numpy and OpenCV, and carla in ``simulator`` alone and not
before it is used; never ROS, torch or an inference engine. Not verified against a CARLA server:
the calls follow the API of the package carla 0.9.16 and CARLA's own examples, and were made
against a stand-in only.
"""
