"""Claims about what the backward pass can do without.

The papers' experiment mixes what it asks with something else: sparse gradients are taken in the
classifier too. It is therefore two claims here, the experiment as published and the one without
that.
"""

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Way, against_dense, way
from swatlib.claims.scales import (
    BOTH,
    FAMILIES_DIGITS,
    FAMILIES_PATCHES,
    FULL,
    HUNDRED,
    ON_HUNDRED,
    SMALL_CIFAR,
    SMALL_DIGITS,
    SMALL_PATCHES,
    of_families,
)
from swatlib.claims.what_can_be_dropped import dropping_or_reusing

CHAPTER = "2-what-can-be-dropped/02-backward"

_WITHOUT_DENSENET = ("small_resnet", "small_vgg")

_CLASSIFIER_DENSE = tuple(
    of_families(scale, _WITHOUT_DENSENET) for scale in (SMALL_PATCHES, SMALL_DIGITS)
)

_DEEP = {"depth": 20}

_CIFAR_FOR = "CIFAR-10 and 100 classes of Tiny ImageNet stand for CIFAR-100"

_CURVES = "Curves only: the text states no accuracy."


def _saw(sparsity: float, **options: object) -> Way:
    return way("saw", sparsity, **options)


def _g(sparsity: float, **options: object) -> Way:
    return way("backward-gradient", sparsity, **options)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-bwd-wa-robust",
        paper="N",
        place="Abstract (ii); Section 3.2, Figure 2; I Sections 2.2 and 6, Figure 2b",
        statement="With a dense forward pass, Top-K of weights and activations in the backward "
        "pass at 50 to 80 % leaves accuracy unchanged.",
        says="relatively insensitive (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SAW minus dense at 50, 70 and 80 % on CIFAR-10 (five seeds) and a hundred classes.",
        decision=Trained(
            against_dense("saw", (0.5, 0.7, 0.8), "level"),
            (FULL, FAMILIES_DIGITS),
        ),
        limits=_CIFAR_FOR,
        weakness=_CURVES,
    ),
    Claim(
        id="n-bwd-wa-robust-90",
        paper="N",
        place="Abstract (ii); Section 3.2, Figure 2; I Sections 2.2 and 6, Figure 2b",
        statement="Top-K of weights and activations in the backward pass leaves accuracy unchanged "
        "at 90 %, too.",
        says="relatively insensitive (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SAW minus dense at 90 % on CIFAR-10 (five seeds) and a hundred classes.",
        decision=Trained(
            against_dense("saw", (0.9,), "level"),
            (FULL, HUNDRED, SMALL_CIFAR, FAMILIES_PATCHES, FAMILIES_DIGITS),
        ),
        limits=_CIFAR_FOR,
        weakness=_CURVES + " So 90 % is our reading of how far it reaches.",
    ),
    Claim(
        id="n-bwd-grad-sensitive",
        paper="N",
        place="Section 3.2, Figure 2; I Section 2.2, Figure 2b; F Section 4",
        statement="Top-K of the output gradients at 90 %, the classifier's included, costs "
        "accuracy.",
        says="sensitive (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G over the whole batch minus dense at 90 % on CIFAR-10 (five seeds) and a "
        "hundred classes.",
        decision=Trained(
            against_dense("backward-gradient", (0.9,), "below"),
            (FULL, HUNDRED, SMALL_CIFAR, FAMILIES_PATCHES, FAMILIES_DIGITS),
        ),
        limits=_CIFAR_FOR,
        weakness=_CURVES + " Whether the classifier's gradient was sparse is not said.",
    ),
    Claim(
        id="n-bwd-grad-sensitive-70",
        paper="N",
        place="Section 3.2, Figure 2; I Section 2.2, Figure 2b; F Section 4",
        statement="Top-K of the output gradients costs accuracy at 70 and 80 % already.",
        says="sensitive (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G over the whole batch minus dense at 70 and 80 % on CIFAR-10, five seeds.",
        decision=Trained(
            against_dense("backward-gradient", (0.7, 0.8), "below"),
            (FULL, FAMILIES_DIGITS),
        ),
        limits="small networks on digits, an easier task than the paper's",
        weakness=_CURVES,
    ),
    Claim(
        id="n-bwd-grad-sensitive-classifier-dense",
        paper="N",
        place="Section 3.2, Figure 2; I Section 2.2, Figure 2b; F Section 4",
        statement="Top-K of the output gradients at 90 % costs accuracy also where the "
        "classifier's gradient stays whole.",
        says="sensitive (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="The same with the classifier dense, on CIFAR-10 (five seeds) and a hundred classes.",
        decision=Trained(
            against_dense("backward-gradient", (0.9,), "below", classifier_dense=True),
            (FULL, *_CLASSIFIER_DENSE),
        ),
        limits="residual and plain small networks on patches and digits",
        weakness="The papers did not run it; it is their experiment with the cause of its collapse "
        "removed.",
    ),
    Claim(
        id="i-bwd-grad-below-wa",
        paper="I",
        place="Section 2.2, Figure 2b; Abstract; N Section 3.2, Figure 2",
        statement="At every sparsity from 50 to 90 %, sparse gradients end below sparse weights "
        "and activations in the backward pass.",
        says="consistently lower (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G minus SAW at 30, 50, 70, 80 and 90 % on CIFAR-10 (five seeds) and a "
        "hundred classes.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %", _g(s), _saw(s), "below") for s in (0.5, 0.7, 0.8, 0.9)
            ),
            (FULL, FAMILIES_DIGITS),
        ),
        limits=_CIFAR_FOR,
        weakness=_CURVES,
    ),
    Claim(
        id="i-bwd-grad-below-wa-90",
        paper="I",
        place="Section 2.2, Figure 2b; Abstract; N Section 3.2, Figure 2",
        statement="At 90 % sparse gradients end below sparse weights and activations.",
        says="lower (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G minus SAW at 90 % on CIFAR-10 (five seeds) and a hundred classes.",
        decision=Trained(
            (Effect("90 %", _g(0.9), _saw(0.9), "below"),),
            (FULL, HUNDRED, SMALL_CIFAR, FAMILIES_PATCHES, FAMILIES_DIGITS),
        ),
        limits=_CIFAR_FOR,
        weakness=_CURVES,
    ),
    Claim(
        id="i-bwd-grad-below-wa-classifier-dense",
        paper="I",
        place="Section 2.2, Figure 2b; Abstract; N Section 3.2, Figure 2",
        statement="At 90 % sparse gradients end below sparse weights and activations also where "
        "the classifier stays dense, whether chosen over the batch or in each sample.",
        says="lower (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="The same with the classifier dense in both, on CIFAR-10 (five seeds) and a hundred "
        "classes.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name}, 90 %",
                    way(method, 0.9, classifier_dense=True),
                    _saw(0.9, classifier_dense=True),
                    "below",
                )
                for name, method in (
                    ("whole batch", "backward-gradient"),
                    ("each sample (meProp)", "meprop"),
                )
            ),
            (FULL, *_CLASSIFIER_DENSE),
        ),
        limits="residual and plain small networks on patches and digits",
        weakness="The papers did not run it.",
    ),
    Claim(
        id="n-meprop-larger-networks",
        paper="N",
        place="Section 3.2; I Section 1",
        statement="meProp loses more, or diverges more often, on a larger network.",
        says="convergence issues on larger networks",
        kind="training",
        chapter=CHAPTER,
        needs="meProp at 50, 80 and 95 % minus dense on residual networks of 8, 14 and 20 layers "
        "and two widths on CIFAR-10, five seeds; a difference of 1.5 points, or of two diverged "
        "runs in five, between the largest and the smallest.",
        decision=Trained(
            (
                Effect(
                    "20 less 8 layers, 90 %",
                    {**way("meprop", 0.9), **_DEEP},
                    {**DENSELY, **_DEEP},
                    "below",
                    1.5,
                    less=Effect("8 layers", way("meprop", 0.9), DENSELY, "below"),
                ),
            ),
            (FULL,),
        ),
        limits="larger would mean 20 layers, for DenseNet and ImageNet",
        weakness="Concluded from Figure 2, not tried.",
    ),
    Claim(
        id="i-grad-harm-grows",
        paper="I",
        place="Section 1, first contribution",
        statement="What dropping gradients costs grows with the network's depth.",
        says="especially harmful in deeper models",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G at 50 and 80 % minus dense with 20 layers, less the same with 8 layers, "
        "on CIFAR-10, five seeds; 1.5 points.",
        decision=Trained(
            (
                Effect(
                    "20 less 8 layers, 50 and 80 %",
                    ({**_g(0.5), **_DEEP}, {**_g(0.8), **_DEEP}),
                    {**DENSELY, **_DEEP},
                    "below",
                    1.5,
                    less=Effect("8 layers", (_g(0.5), _g(0.8)), DENSELY, "below"),
                ),
            ),
            (FULL,),
        ),
        weakness="No experiment of the paper varies the depth with sparse gradients.",
    ),
    Claim(
        id="i-grad-harm-grows-classes",
        paper="I",
        place="Section 1, first contribution",
        statement="What dropping 90 % of the gradients costs is more on a hundred classes than on "
        "ten.",
        says="especially harmful on complex data",
        kind="training",
        chapter=CHAPTER,
        needs="Top-K of G at 50, 80 and 90 % minus dense on a hundred classes, less the same on "
        "CIFAR-10, with one network, five seeds.",
        decision=Trained(
            (
                Effect(
                    "100 classes less 10, 90 %",
                    {**_g(0.9), **ON_HUNDRED},
                    {**DENSELY, **ON_HUNDRED},
                    "below",
                    less=Effect("10 classes", _g(0.9), DENSELY, "below"),
                ),
            ),
            (BOTH,),
        ),
        limits="90 % alone; no run can lose more points than the dense one has, so a collapse on "
        "both data sets decides nothing",
        weakness="No experiment of the paper varies the data with sparse gradients.",
    ),
    Claim(
        id="i-meprop-mnist-5",
        paper="I",
        place="Section 1, of Sun et al.",
        statement="On an easy task of small images, keeping 5 % of each sample's gradients in "
        "every layer but the first loses no accuracy.",
        says="no loss of accuracy",
        kind="training",
        chapter=CHAPTER,
        needs="meProp at 95 % minus dense with a multilayer perceptron and a small convolutional "
        "network on digits, five seeds.",
        decision=Trained(against_dense("meprop", (0.95,), "level", 0.5), (SMALL_DIGITS,)),
        limits="a small residual network on the 8x8 digits for MNIST; one of the 359 test images "
        "is 0.28 points",
        weakness="Taken over from the first meProp paper.",
    ),
    Claim(
        id="i-meprop-mnist-5-classifier-dense",
        paper="I",
        place="Section 1, of Sun et al.",
        statement="On an easy task of small images, keeping 5 % of each sample's gradients loses "
        "no accuracy if the classifier's gradient stays whole.",
        says="no loss of accuracy",
        kind="training",
        chapter=CHAPTER,
        needs="meProp at 95 % with a dense classifier minus dense on digits, five seeds.",
        decision=Trained(
            against_dense("meprop", (0.95,), "level", 0.5, classifier_dense=True),
            (of_families(SMALL_DIGITS, _WITHOUT_DENSENET),),
        ),
        limits="small residual and plain networks on the 8x8 digits for MNIST; one of the 359 test "
        "images is 0.28 points",
        weakness="Taken over from the first meProp paper.",
    ),
    *dropping_or_reusing.CLAIMS,
)
