"""Any module of one's own: cut exactly where it is a chain, replayed where it is not, and clear where it cannot be a net."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, LayerError, ShapeError
from ganwidgets.testing import check_classifier, check_edit, check_generator

from .tiny_nets import Skips, Tutorial, wrapped


class Between(Tutorial):
    """The same, with something done between modules that no module does."""

    def forward(self, z):
        return self.main[6:](F.relu_(self.main[3:6](F.relu(self.main[:3](z)) + 0.1)))


class Tokens(nn.Module):
    def __init__(self, count=16):
        super().__init__()
        self.spread, self.block, self.read, self.count = nn.Linear(10, 6 * count), nn.Linear(6, 6), nn.Linear(6, 3), count

    def forward(self, z):
        x = self.read(self.block(self.spread(z.flatten(1)).reshape(len(z), self.count, 6)).relu())
        return x.transpose(1, 2).reshape(len(z), 3, 4, 4).tanh()


class Block(nn.Module):
    """Tokens look at each other: what stands before the grid reaches it, and it them."""

    def __init__(self):
        super().__init__()
        self.look, self.norm, self.turn = nn.MultiheadAttention(6, 2, batch_first=True), nn.LayerNorm(6), nn.Linear(6, 6)

    def forward(self, x):
        y = x + self.look(x, x, x, need_weights=False)[0]
        return y + self.turn(self.norm(y)).relu()


class Spread(nn.Module):
    """z as tokens, the first `before` of which are not on the grid."""

    def __init__(self, before, height, width):
        super().__init__()
        self.count = before + height * width
        self.read = nn.Linear(10, 6 * self.count)

    def forward(self, z):
        return self.read(z.flatten(1)).reshape(len(z), self.count, 6)


class Read(nn.Module):
    def __init__(self, before, height, width):
        super().__init__()
        self.before, self.sides, self.read = before, (height, width), nn.Linear(6, 3)

    def forward(self, x):
        x = self.read(x[:, self.before:] + x[:, :1])
        return F.interpolate(x.transpose(1, 2).unflatten(2, self.sides), (8, 8)).tanh()


def transformer(before, height, width, *, skips):
    """A chain of blocks, or one with a way past them."""
    chain = nn.Sequential(Spread(before, height, width), Block(), Block(), Read(before, height, width))
    return Past(chain) if skips else chain


class Past(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.spread, self.first, self.second, self.read = chain

    def forward(self, z):
        x = self.first(self.spread(z))
        return self.read(x + self.second(x))


NETS = [(Tutorial, ("main.2", "main.5"), "exact"), (Tutorial, ("main.0", "main.6", "main.3"), "exact"),
        (Tutorial, ("main", "main.2"), "replayed"), (Between, ("main.2", "main.5"), "replayed"),
        (Skips, ("first", "second"), "replayed"), (Tokens, ("block",), "replayed")]


@pytest.mark.parametrize(("kind", "layers", "cut"), NETS)
def test_every_law_holds_and_the_cut_is_said(kind, layers, cut):
    g = wrapped(kind, *layers)
    check_generator(g)
    assert g.cut == cut and f"cut='{cut}'" in repr(g)
    check_edit(gw.UnitEdit(g.layers[0], [0, 2], value=1.5, region=gw.Region.box(0, 0, 0.5, 1)), g)
    torch.manual_seed(0)
    z = g.sample([3]).z
    with torch.no_grad():
        assert torch.equal(g.images(g.sample([3])), kind().eval()(z))


def test_an_exact_tail_runs_only_what_follows():
    g = wrapped(Tutorial, "main.2", "main.5")
    ran = []
    paused = g.head(g.sample([0]), "main.5")
    for name, module in g.net.named_modules():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    g.tail(paused)
    assert ran == ["main.6", "main.7"]


def test_layers_come_in_running_order():
    assert [str(layer) for layer in wrapped(Tutorial, "main.5", "main.2").layers] == ["main.2", "main.5"]


def test_two_edits_on_a_net_with_a_way_past_are_what_hooks_would_do():
    g = wrapped(Skips, "first", "second")
    edits = gw.EditStack().push(gw.UnitEdit("first", [1], value=2.0)).push(gw.UnitEdit("second", [4], value=-1.0))
    latents = g.sample([0, 1])
    torch.manual_seed(0)
    net = Skips()

    def put(unit, value):
        def hook(_module, _given, output):
            output[:, unit] = value
            return output
        return hook

    net.first.register_forward_hook(put(1, 2.0))
    net.second.register_forward_hook(put(4, -1.0))
    with torch.no_grad():
        assert torch.allclose(edits.apply(g).images(latents), net(latents.z).clamp(-1, 1), atol=1e-6)


def test_tokens_are_seen_as_maps():
    g = wrapped(Tokens, "block")
    assert (g.layers[0].channels, g.layers[0].height) == (6, 4)
    paused = g.head(g.sample([0]), "block")
    torch.manual_seed(0)
    net = Tokens()
    wanted = net.block(net.spread(g.sample([0]).z.flatten(1)).reshape(1, 16, 6))
    assert torch.equal(paused.features[0, :, 1, 2], wanted[0, 6])


SIDES = [((1, 4, 4), False), ((0, 2, 5), True), ((1, 3, 4), True), ((3, 4, 4), True)]     # before, height, width; to be told


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize(("sides", "told"), SIDES)
def test_tokens_beside_a_grid_and_grids_that_are_not_square(sides, told, skips):
    before, height, width = sides
    layers = ["first", "second"] if skips else ["1", "2"]
    torch.manual_seed(0)
    net = transformer(*sides, skips=skips).eval()
    g = gw.wrap(net, layers, (10,), name="mine", grids=dict.fromkeys(layers, (height, width)) if told else None)
    check_generator(g)
    assert g.cut == ("replayed" if skips else "exact") and {(each.channels, each.height, each.width) for each in g.layers} == {
        (6, height, width)}
    assert ("grids=" in g.source) == told
    check_edit(gw.UnitEdit(layers[0], [0, 2], value=1.5, region=gw.Region.box(0, 0, 0.5, 1)), g)
    latents = g.sample([0, 1])
    tokens = g.net.get_submodule(layers[0])(g.net.get_submodule("spread" if skips else "0")(latents.z))
    assert torch.equal(g.head(latents, layers[0]).features[:, :, 1, 2], tokens[:, before + width + 2])
    edits = gw.EditStack().push(gw.UnitEdit(layers[0], [1], value=2.0)).push(gw.UnitEdit(layers[1], [4], value=-1.0))

    def put(unit, value):
        def hook(_module, _given, output):
            output[:, before:, unit] = value
            return output
        return hook

    for name, unit, value in ((layers[0], 1, 2.0), (layers[1], 4, -1.0)):
        net.get_submodule(name).register_forward_hook(put(unit, value))
    with torch.no_grad():
        wanted = net(latents.z)
    assert torch.allclose(edits.apply(g).images(latents), wanted, atol=1e-6)
    assert float((wanted - g.images(latents)).abs().max()) > 1e-2


@pytest.mark.parametrize(("grids", "words"), [
    (None, "11 tokens, which are no square"), ({"1": (4, 4)}, "at most so many"), ({"1": (0, 4)}, "at most so many"),
    ({"1": (3,)}, "at most so many"), ({"2": (2, 5)}, "no layer '2' in grids"), ({"1": (2, 5), "3": (1, 1)}, "no layer '3'")])
def test_tokens_without_a_grid_are_refused(grids, words):
    with pytest.raises(LayerError, match=words):
        gw.wrap(transformer(1, 2, 5, skips=False), ["1"], (10,), grids=grids)
    with pytest.raises(LayerError, match="leave it out of grids"):
        gw.wrap(Tutorial(), ["main.2"], (10, 1, 1), grids={"main.2": (4, 4)})


def test_a_vision_transformer_is_a_classifier():
    class Vision(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.block, self.last = nn.Conv2d(3, 6, 8, 8), Block(), nn.Linear(6, 4)
            self.first = nn.Parameter(torch.randn(1, 1, 6))

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            return self.last(self.block(torch.cat([self.first.expand(len(x), -1, -1), x], dim=1))[:, 0])

    torch.manual_seed(0)
    c = gw.wrap_classifier(Vision(), ["patches", "block"], image_size=32, classes="abcd")
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    check_classifier(c, images)
    assert [(each.channels, each.height, each.width) for each in c.layers] == [(6, 4, 4), (6, 4, 4)]
    run = c.head(images, "block")
    assert torch.equal(c.tail(run), c.logits(images)) and run.rest[-1].shape == (3, 1, 6)


def test_the_module_itself_stays_as_it_was():
    net = Tutorial().train()
    g = gw.wrap(net, ["main.2"], (10, 1, 1))
    g.images(g.sample([0]))
    assert net.training and all(weight.requires_grad for weight in net.parameters()) and g.name == "Tutorial"
    assert not any(module._forward_hooks for module in net.modules()) and net.main[1].num_batches_tracked == 0
    assert g.net.main[0].weight.data_ptr() == net.main[0].weight.data_ptr(), "weights are shared"


def test_half_precision_and_grey_and_another_range_are_brought_to_pictures():
    class Grey(Tutorial):
        def forward(self, z):
            return self.main(z)[:, :1].sigmoid()

    g = gw.wrap(Grey().half(), ["main.2"], (10, 1, 1), picture=lambda x: 2 * x - 1)
    check_generator(g)
    images = g.images(g.sample([0, 1]))
    assert images.shape == (2, 3, 16, 16) and torch.equal(images[:, 0], images[:, 1]) and images.min() < 0


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.again, self.never = nn.ConvTranspose2d(10, 3, 4), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, z):
        return self.again(self.again(self.first(z)))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Tuples(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.pair = nn.ConvTranspose2d(10, 3, 4), Pair()

    def forward(self, z):
        return self.pair(self.first(z))[0]


class Changes(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.up = nn.ConvTranspose2d(10, 3, 4), nn.Upsample(scale_factor=2)

    def forward(self, z):
        x = self.first(z)
        return F.interpolate(self.up(x) if len(z) > 1 else self.up(x[:, :, :2]), (8, 8))


class Places(nn.Module):
    """Puts out whole numbers."""

    def __init__(self):
        super().__init__()
        self.first, self.where = nn.ConvTranspose2d(10, 3, 4), Most()

    def forward(self, z):
        return self.first(z) * self.where(self.first.weight.new_zeros(len(z), 3, 4, 4)).float()


class Most(nn.Module):
    def forward(self, x):
        return x.argmax(1, keepdim=True)


class Several(Tutorial):
    def forward(self, z):
        return [self.main(z)]


class Moody(nn.Module):
    """What runs, and how, depends on z."""

    def __init__(self, mood):
        super().__init__()
        self.first, self.second, self.mood = nn.ConvTranspose2d(10, 3, 4), Turns(), mood

    def forward(self, z):
        x = self.first(z)
        if float(z.detach().max()) < 9:
            return self.second(x) + x
        return {"never": lambda: x, "twice": lambda: self.second(self.second(x)) + x,
                "turned": lambda: self.second(x, turned=True).reshape(x.shape), "a tuple": lambda: self.second(x, pair=True)[0]
                }[self.mood]()


class Turns(nn.Module):
    def forward(self, x, turned=False, pair=False):
        return (x, x) if pair else x.reshape(len(x), 6, 4, 2) if turned else 2 * x


@pytest.mark.parametrize(("mood", "words"), [
    ("never", "second runs 0 times in this run"), ("twice", "second runs 2 times in this run"),
    ("turned", r"second puts out \(6, 4, 2\) a row in this run, and put out \(3, 4, 4\)"), ("a tuple", "puts out tuple a row")])
def test_a_layer_that_changes_its_mind_after_it_was_wrapped_is_said(mood, words):
    g = gw.wrap(Moody(mood), ["second"], (10, 1, 1))
    assert g.cut == "replayed"
    g.images(g.sample([0, 1]))
    strange = g.latents(torch.full((2, 10, 1, 1), 9.5))
    with pytest.raises(LayerError, match=words):
        g.tail(g.head(strange, "second"))


def test_a_step_of_a_chain_that_changes_its_shape_is_said():
    class Grows(nn.Module):
        def forward(self, x):
            return x if float(x.max()) < 9 else x.repeat(1, 1, 2, 2)

    g = gw.wrap(nn.Sequential(nn.ConvTranspose2d(10, 3, 4), Grows(), nn.Conv2d(3, 3, 1)), ["1"], (10, 1, 1))
    assert g.cut == "exact"
    with pytest.raises(LayerError, match="changes between calls"):
        g.head(g.latents(torch.full((1, 10, 1, 1), 99.0)), "1")


@pytest.mark.parametrize(("kind", "layers", "error", "words"), [
    (Places, ["where"], LayerError, "floating-point"), (Several, ["main.2"], ArgumentError, "puts out a list and not one tensor"),
    (Twice, ["again"], LayerError, "again of mine runs 2 times"), (Twice, ["never"], LayerError, "never of mine runs 0 times"),
    (Tuples, ["pair"], LayerError, "pair of mine puts out a tuple"), (Changes, ["up"], LayerError, "changes between calls"),
    (Tutorial, ["main.9"], LayerError, "no module 'main.9' in mine"), (Tutorial, [], LayerError, "at least one"),
    (lambda: Tokens(12), ["block"], ArgumentError, "does not run"), (lambda: nn.Linear(10, 4), [""], LayerError, "no module"),
    (lambda: "net", ["a"], ArgumentError, "load_checkpoint"),
])
def test_what_cannot_be_a_layer_is_said(kind, layers, error, words):
    with pytest.raises(error, match=words):
        gw.wrap(kind(), layers, (10, 1, 1), name="mine")


def test_latents_of_another_shape_and_outputs_that_are_no_pictures_are_refused():
    with pytest.raises(ArgumentError, match="does not run on"):
        gw.wrap(Tutorial(), ["main.2"], (9, 1, 1))
    with pytest.raises(ShapeError, match="picture"):
        gw.wrap(nn.Sequential(nn.ConvTranspose2d(10, 4, 4), nn.Conv2d(4, 5, 1)), ["0"], (10, 1, 1))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(True), nn.Conv2d(8, 6, 3), nn.ReLU(True))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


def test_a_classifier_of_ones_own():
    torch.manual_seed(0)
    net = Reader()
    c = gw.wrap_classifier(net, ["body.1", "body.3"], image_size=32, classes="abcd", preprocess=lambda x: (x - 0.1) / 0.5)
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    check_classifier(c, images)
    with torch.no_grad():
        assert torch.equal(c.logits(images), net((images - 0.1) / 0.5))
    assert c.cut == "replayed" and c.logits(torch.zeros(1, 3, 50, 40)).shape == (1, 4)
    chain = gw.wrap_classifier(nn.Sequential(net.body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head), ["0.1"], image_size=32,
                               classes="abcd")
    check_classifier(chain, images)
    assert chain.cut == "exact"
    with pytest.raises(ArgumentError, match="classes"):
        gw.wrap_classifier(net, ["body.1"], image_size=32, classes="abc")


@pytest.mark.parametrize("layers", [("main.2", "main.5"), ("main", "main.2")])
def test_a_picture_takes_one_run_of_the_module(layers):
    """Also where it is replayed, and a head and a tail would run it twice."""
    g, ran = wrapped(Tutorial, *layers), []
    g.net.main[0].register_forward_hook(lambda *_: ran.append("begun"))
    pictures = g.images(g.sample([0, 1]))
    assert len(ran) == 1 and torch.equal(pictures, g.tail(g.head(g.sample([0, 1]), g.layers[0])))
