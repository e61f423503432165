"""The engine of OpenVINO, on a CPU."""
