"""A cluster of Ray with two nodes on this machine: prints its address, loses a node at a word, ends with stdin."""

import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def main() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    sys.stderr.write(f"address {cluster.address}\n")
    sys.stderr.flush()
    for line in sys.stdin:
        if line.strip() == "lose":
            cluster.remove_node(second, allow_graceful=False)
            sys.stderr.write("lost\n")
            sys.stderr.flush()
    cluster.shutdown()  # type: ignore[no-untyped-call, unused-ignore]


if __name__ == "__main__":
    main()
