"""Scenes as data: reproducible, evenly spread over places, and exact about what cannot be."""

from collections import Counter

import numpy as np
import pytest

from ganwidgets.core.errors import ArgumentError, ConceptError, GanwidgetsError, SeedError
from ganwidgets.world.scenes import CONCEPT_NAMES, CONCEPTS, HOURS, PLACES, SEASONS, WEATHERS, scene

NEEDED = {"sky", "cloud", "sun", "moon", "mountain", "grass", "snow", "path", "water", "tree", "bush", "fence", "wall",
          "roof", "window", "door", "tower", "chimney", "trunk", "house", "church", "dome"}


def test_the_same_seed_is_the_same_scene_and_another_is_not():
    assert scene(7) == scene(7)
    assert scene(7) != scene(8)
    assert scene(np.int64(7)) == scene(7)
    assert len({scene(seed).clouds for seed in range(50)}) > 35


@pytest.mark.parametrize("seed", [-1, 2 ** 32, 10 ** 30, 1.0, "3", None, True])
def test_a_bad_seed_says_what_seeds_are(seed):
    with pytest.raises(SeedError, match="whole numbers from 0 to 4294967295") as caught:
        scene(seed)
    assert isinstance(caught.value, GanwidgetsError)


def test_the_largest_seed_has_a_scene():
    assert scene(2 ** 32 - 1).place in PLACES


def test_six_places_in_equal_shares(scenes):
    counts = Counter(it.place for it in scenes)
    assert set(counts) == set(PLACES)
    assert all(abs(count / len(scenes) - 1 / 6) < .035 for count in counts.values())


def test_every_hour_season_and_weather_comes_up_as_often_as_it_should(scenes):
    for field, table in (("hour", HOURS), ("season", SEASONS), ("weather", WEATHERS)):
        counts = Counter(getattr(it, field) for it in scenes)
        assert sum(table.values()) == pytest.approx(1)
        assert all(abs(counts[name] / len(scenes) - share) < .045 for name, share in table.items())


def test_concepts_are_distinct_and_complete():
    assert len(CONCEPTS) >= 20
    assert set(CONCEPT_NAMES) >= NEEDED
    assert len({concept.name for concept in CONCEPTS}) == len({concept.color for concept in CONCEPTS}) == len(CONCEPTS)


def test_an_unknown_concept_is_named_with_those_that_are_possible():
    with pytest.raises(ConceptError, match="no concept 'tre'.*Did you mean 'tree'"):
        scene(0, without=["tre"])
    with pytest.raises(ConceptError, match="sky, cloud"):
        scene(0, thin={"castle": .5})


@pytest.mark.parametrize("share", [-.1, 1.5, float("nan")])
def test_thin_takes_probabilities_only(share):
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        scene(0, thin={"church": share})


def test_thin_keeps_a_concept_in_its_share_of_the_scenes_by_the_seed():
    kept = ["church" not in scene(seed, thin={"church": .1}).without for seed in range(400)]
    assert .05 < np.mean(kept) < .15
    assert kept[:100] == ["church" not in scene(seed, thin={"church": .1}).without for seed in range(100)]
    assert not scene(3, thin={"church": 1}).without
    assert scene(3, thin={"church": 0}).without == {"church"}
    assert scene(3, without="tree").without == {"tree"}


def test_thinning_two_concepts_decides_each_by_itself():
    gone = [scene(seed, thin={"tree": .5, "door": .5}).without for seed in range(300)]
    both = np.mean([len(names) == 2 for names in gone])
    assert .17 < both < .33
