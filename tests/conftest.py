"""What all tests share: patience, and one thread for torch's small products."""

import os

from hypothesis import HealthCheck, settings

# On a busy machine, threads that wait for each other make small products ten times slower. The variable is read when
# torch is loaded, and processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
