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


@pytest.mark.parametrize(("kind", "layers", "error", "words"), [
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
