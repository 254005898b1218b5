"""Writes the schema of each definition into a file of its own."""
import json
import sys

import yaml

with open(sys.argv[1]) as definitions:
    for definition in yaml.safe_load_all(definitions):
        if definition:
            schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            with open(f"{sys.argv[2]}/{definition['spec']['names']['kind']}.json", "w") as file:
                json.dump(schema, file)
