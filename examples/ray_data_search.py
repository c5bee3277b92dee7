"""Answer a file of questions with Ray Data: each of its actors has a connection of its own to the index.

    python examples/ray_data_search.py HEAD:6379 ROOT QUESTIONS.txt COLLECTION

QUESTIONS.txt has one question a line. Every node must see ROOT under this path. Ray Data needs pandas, which raycontext
does not install: `pip install pandas`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy
import ray

import raycontext

ACTORS = 2
BATCH = 8


class Searcher:
    """Actor of Ray Data. Its connection lasts as long as the actor, and ends with its process."""

    def __init__(self, root: str, collection: str) -> None:
        self.context = raycontext.connect(address="auto", root=root).__enter__()
        self.collection = collection

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the questions with the place of the best hit of each; "" where there is none."""
        places = []
        for question in batch["question"]:
            hits = self.context.search(str(question), collection=self.collection, limit=1)
            places.append(f"{hits[0].path}:{hits[0].start_line}" if hits else "")
        return {"question": batch["question"], "place": numpy.array(places, dtype=object)}


def main(address: str, root: str, questions: str, collection: str) -> None:
    ray.init(address=address, log_to_driver=False)
    asked = [{"question": line} for line in Path(questions).read_text().splitlines() if line]
    answered = ray.data.from_items(asked).map_batches(
        Searcher,
        fn_constructor_kwargs={"root": root, "collection": collection},
        batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=ACTORS),
        num_cpus=0.1,  # the work is done by the actors of the index
    )
    for row in answered.iter_rows():
        print(f"{row['question']}\t{row['place']}")


if __name__ == "__main__":
    main(*sys.argv[1:5])
