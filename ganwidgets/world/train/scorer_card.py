"""Measures the bundled scorer on held-out renders and on generated pictures, and writes its card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganwidgets.core.images import to_bytes
from ganwidgets.models.scorers import StorybookScorer, load_scorer_file
from ganwidgets.models.segmenters import load_segmenter_file
from ganwidgets.world.swaps import KINDS
from ganwidgets.world.train import scorer_exam, scorer_judged
from ganwidgets.world.train.scorer_exam import CONDITIONS, Question, Reader
from ganwidgets.world.train.scorer_texts import PAIRS, SYNONYM_STYLES
from ganwidgets.world.train.segmenter_card import GENERATED, RENDERS, WEIGHTS, generated, processor
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS

LEAST = 300         # scenes of which false captions come, where few pictures are asked about
SKETCH = """# storybook-scorer

Says how well a picture, or a crop of one, fits a text about the storybook world: `gw.load_scorer("storybook")`. The score goes
from -1 to 1 and is differentiable; `scorer.unknown(text)` names the words that it was never taught.

* Architecture: a picture becomes a grid of 16 x 16 cells, each of which knows what lies there, and its colour: that is read from a
  few pixels and the light that the picture is in, whatever the thing. Each of {words} words looks at the grid {looks} times; where
  follows from the text around it, by two blocks of attention, in which all colours are one; what it means, from the word alone. The
  score is the mean of the words' cosines, each weighted by its word. {parameters:,} parameters, float16, {kilobytes:,} kB; weights
  digest `{digest}`.
* Trained by `ganwidgets train scorer --minutes {minutes:.0f}`: seed {seed}, {steps:,} steps of {batch} pictures in
  {minutes} minutes on {machine}, from {pictures:,} renders, whose seeds (from {first_seed}) the segmenters learn from too,
  {repainted:,} renders of scenes whose things have the colours of other things, and {captions:,} captions of all and of their
  crops, each beside captions with one word put wrong. Pictures are worn: mirrored, blurred, recoloured, noisy, JPEG. It never saw a
  generated picture, and no segmenter took part.
* Held out of all texts: {pairs} of the (colour, thing) pairs of the world, {synonyms} rarer nouns from one style each, and the
  orders in which the setting or a relation comes first. A shade of a pair that is held out has its name on other things, and texts
  that give the thing another colour are among the false ones.
* Measured by `python -m ganwidgets.world.train.scorer_card` on {processor}.
* License: the weights are CC0 1.0 (public domain).

## Scores

On {asked:,} held-out renders the picture's own caption comes first among 100 captions, the others visibly false of it, in
**{top1:.3f}** (standard error {top1_error:.3f}; chance 0.010); it scores higher than the same caption with one word put wrong in
**{apart:.3f}** (standard error {apart_error:.3f}; chance 0.500). By the kind of word: {kinds}.
Crops, what was held out of training, and baselines: claims/scorer.json.
{drawn}"""


@dataclass(frozen=True)
class Scores:
    """Whether the own caption came first among 100, picture by picture; and whether it beat its false twin, pair by pair."""

    first: np.ndarray
    apart: np.ndarray
    kinds: dict[str, np.ndarray]

    @property
    def top1(self) -> tuple[float, float]:
        """The share of pictures whose own caption came first, and its standard error."""
        return share(self.first)

    @property
    def twins(self) -> tuple[float, float]:
        """The share of captions that beat their twin, and its standard error."""
        return share(self.apart)


def share(hits: np.ndarray) -> tuple[float, float]:
    """The share of hits, and its standard error."""
    found = float(hits.mean()) if len(hits) else float("nan")
    return found, float(np.sqrt(found * (1 - found) / max(1, len(hits))))


def evaluate(scorer: StorybookScorer | Reader, seeds: range = RENDERS, *,
             choose: scorer_exam.Choose = scorer_exam.any_caption, kind: str | None = None, crops: bool = False,
             kinds: Sequence[str] = ()) -> Scores:
    """How well captions of these scenes, or of crops of them, are told from others. `kind`: the twins that are asked about;
    `kinds`: those that are asked about one kind after the other as well."""
    reader = scorer_exam.reader(scorer) if isinstance(scorer, StorybookScorer) else scorer
    asked, others = scorer_exam.asked(seeds, choose, crops=crops), others_of(seeds, crops=crops)
    return Scores(scorer_exam.first_of_many(reader, asked, others), scorer_exam.told_apart(reader, asked, kind),
                  {each: scorer_exam.told_apart(reader, asked, each) for each in kinds})


def others_of(seeds: range, *, crops: bool = False) -> list[Question]:
    """What false captions come from: these scenes, and the next ones where they are few."""
    return scorer_exam.asked(range(seeds[0], seeds[0] + max(LEAST, len(seeds))), scorer_exam.any_caption, crops=crops)


def compared(scorer: StorybookScorer | Reader, condition: str, seeds: range = RENDERS) -> tuple[Scores, Scores]:
    """Scores with captions as they were taught, and with those that hold what was held out of training."""
    kind = "color" if condition == "pairs" else None
    seen, unseen = (evaluate(scorer, seeds, choose=choose, kind=kind) for choose in CONDITIONS[condition])
    return seen, unseen


def judged(scorer: StorybookScorer | Reader, kind: str, seeds: Sequence[int] = GENERATED) -> dict[str, np.ndarray]:
    """On generated pictures, by concept: whether the text that the judge bears out beats the one that it does not."""
    reader = scorer_exam.reader(scorer) if isinstance(scorer, StorybookScorer) else scorer
    judge, asked = load_segmenter_file(WEIGHTS / "storybook-judge.safetensors"), []
    for images in generated(seeds):
        pictures, masks = [to_bytes(image) for image in images], judge.segment(images).cpu().numpy()
        asked += scorer_judged.questions(pictures, masks, kind)
    hits = scorer_exam.beaten(reader, [picture for picture, *_ in asked], [(right, wrong) for *_, right, wrong in asked])
    names = np.asarray([question[1] for question in asked])
    return {str(name): hits[names == name] for name in sorted(set(names.tolist()))}


def on_generated(scorer: StorybookScorer) -> str:
    """What the card says of generated pictures."""
    if not (WEIGHTS / "storybook.safetensors").exists():
        return ""
    told = []
    for kind, words in (("colors", "a colour by daylight"), ("concepts", "a thing")):
        hits = np.concatenate(list(judged(scorer, kind).values()))
        told.append(f"{words} {share(hits)[0]:.3f} ({len(hits):,} pictures)")
    return (f"\nOf {len(GENERATED):,} generated pictures, where the judge's masks bear out one text and not the other: "
            f"{', '.join(told)}.\nA colour is the median of the thing's pixels, against the names of colours; a thing of which the "
            "judge sees no pixel is\nnot there.\n")


def write_card(scorer: StorybookScorer, weights: Path, *, drawn: Callable[[StorybookScorer], str] = on_generated) -> Scores:
    """Measures a scorer and writes its card beside its weights; answers its scores."""
    scores = evaluate(scorer, kinds=tuple(KINDS))
    text = SKETCH.format(
        **scorer.about, looks=scorer.net.shape.looks, words=len(scorer.vocabulary.words), digest=scorer.digest[:16],
        kilobytes=round(weights.stat().st_size / 1000), parameters=sum(each.numel() for each in scorer.net.parameters()),
        first_seed=RENDER_SEEDS[0], pairs=len(PAIRS), synonyms=len(SYNONYM_STYLES), processor=processor(), asked=len(scores.first),
        top1=scores.top1[0], top1_error=scores.top1[1], apart=scores.twins[0], apart_error=scores.twins[1],
        kinds=", ".join(f"{kind} {share(hits)[0]:.3f} ({len(hits):,})" for kind, hits in scores.kinds.items()),
        drawn=drawn(scorer))
    weights.with_suffix(".md").write_text(text)
    return scores


def main() -> None:
    """Measures the scorer and writes its card anew."""
    path = WEIGHTS / "storybook-scorer.safetensors"
    scores = write_card(load_scorer_file(path), path)
    print(f"storybook-scorer: first of 100 {scores.top1[0]:.4f}, of two {scores.twins[0]:.4f} "
          f"on {len(scores.first):,} held-out renders")


if __name__ == "__main__":
    main()
