#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the data of the recommendation example, as JSONL: an invented film catalogue, and people who state a taste.

A film has a title of two syllables, a year and a genre. A prompt states a taste and what was seen ("new noir, not Kavo,
Zemi:"); the ground truth is every unseen film of that genre and era. A demonstration is a list of ten films, of which only
some suit: the others are popular films that are recommended to everybody, films of the other era, and films that were seen.
A function of the seed alone; no (taste, seen films) of the held-out problems appears in either job's data. Python's standard
library is enough.
"""

import argparse
import itertools
import json
import pathlib
import random

GENRES = ("noir", "saga", "western", "comedy")
ERAS = {"old": range(1950, 1990), "new": range(1990, 2025)}
FILMS_PER_TASTE = 12
POPULAR_FILMS = 8
LIST_LENGTH = 10


def invent_catalogue(rng):
    """{(era, genre): films} with as many films for every taste; a film is {"title", "year", "genre"}."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
    titles = ["".join(pair).capitalize() for pair in itertools.permutations(syllables, 2)]
    tastes = list(itertools.product(ERAS, GENRES))
    names = iter(rng.sample(titles, len(tastes) * FILMS_PER_TASTE))
    return {(era, genre): [{"title": next(names), "year": rng.choice(ERAS[era]), "genre": genre}
                           for _ in range(FILMS_PER_TASTE)]
            for era, genre in tastes}


def draw_people(rng, catalogue, count, used):
    """`count` pairs (taste, seen films) that are not in `used`, which they join."""
    people = []
    while len(people) < count:
        taste = rng.choice(list(catalogue))
        seen = rng.sample(catalogue[taste], rng.choice((2, 3)))
        key = (taste, frozenset(film["title"] for film in seen))
        if key not in used:
            used.add(key)
            people.append((taste, seen))
    return people


def prompt_of(taste, seen):
    return f"{taste[0]} {taste[1]}, not {', '.join(film['title'] for film in seen)}:\n"


def truths_of(catalogue, taste, seen):
    return [film for film in catalogue[taste] if film not in seen]


def noisy_list(rng, catalogue, popular, taste, seen, good_share):
    """Ten films, each of which suits with probability `good_share`; none is named twice."""
    other_era = (next(era for era in ERAS if era != taste[0]), taste[1])
    pools = {"good": truths_of(catalogue, taste, seen), "popular": popular, "other era": catalogue[other_era], "seen": seen}
    bad = (1 - good_share)
    weights = {"good": good_share, "popular": 0.6 * bad, "other era": 0.25 * bad, "seen": 0.15 * bad}
    films = []
    while len(films) < LIST_LENGTH:
        left = {name: [film for film in pool if film not in films] for name, pool in pools.items()}
        names = [name for name in left if left[name]]
        films.append(rng.choice(left[rng.choices(names, [weights[name] for name in names])[0]]))
    return "\n".join(f"{film['title']} ({film['year']})" for film in films)


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder to write into; made if absent")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--demonstrations", type=int, default=19200)
    parser.add_argument("--problems", type=int, default=640, help="problems to train on by RLVR")
    parser.add_argument("--held_out", type=int, default=128, help="problems for evaluation only")
    parser.add_argument("--good_share", type=float, default=0.4, help="share of films in a demonstration that suit")
    options = parser.parse_args()

    rng = random.Random(options.seed)
    catalogue = invent_catalogue(rng)
    films = [film for taste in catalogue.values() for film in taste]
    popular = rng.sample(films, POPULAR_FILMS)
    used = set()
    held_out = draw_people(rng, catalogue, options.held_out, used)
    problems = draw_people(rng, catalogue, options.problems, used)
    teachers = draw_people(rng, catalogue, 1280, used)

    options.output.mkdir(parents=True, exist_ok=True)
    as_problem = lambda person: {"prompt": prompt_of(*person), "truths": truths_of(catalogue, *person),
                                 "seen": [film["title"] for film in person[1]]}
    write_rows(options.output / "catalogue.jsonl", sorted(films, key=lambda film: film["title"]))
    write_rows(options.output / "held_out.jsonl", map(as_problem, held_out))
    write_rows(options.output / "problems.jsonl", map(as_problem, problems))
    write_rows(
        options.output / "demonstrations.jsonl",
        ({"prompt": prompt_of(*person),
          "completion": noisy_list(rng, catalogue, popular, *person, options.good_share)}
         for person in (rng.choice(teachers) for _ in range(options.demonstrations))))


if __name__ == "__main__":
    main()
