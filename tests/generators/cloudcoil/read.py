"""Reads every object of ours in the given files with the made classes."""
import sys

import yaml
from telephony.v1alpha1 import Account, ClusterAccount, Subaccount

models = {"Account": Account, "ClusterAccount": ClusterAccount, "Subaccount": Subaccount}
seen = set()
for path in sys.argv[1:]:
    with open(path) as file:
        for object in yaml.safe_load_all(file):
            if object and object["apiVersion"].startswith("vobiz.ai/"):
                read = models[object["kind"]].model_validate(object)
                assert read.spec is not None
                seen.add(object["kind"])
assert seen == set(models), seen
