"""The book's own questions: judged as claims, not counted among those of the papers."""

import pytest

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.inventory import CLAIMS
from swatlib.claims.the_field.questions import BEHIND_STATIC, DSG_ORDER, TRANSFORMER
from swatlib.experiments import EXPERIMENTS

QUESTIONS = (BEHIND_STATIC, DSG_ORDER, TRANSFORMER)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.id)
def test_every_run_of_a_question_is_declared(question: Claim) -> None:
    assert isinstance(question.decision, Trained)
    for scale in question.decision.scales:
        declared = [run for name in scale.experiments for run in EXPERIMENTS[name]()]
        for effect in question.decision.effects:
            ways = tuple(one for side in effect.sides for one in side)
            for seed in scale.seeds:
                assert all(run in declared for _, run in scale.runs(ways, seed)), effect.name


def test_no_question_is_a_claim_of_a_paper() -> None:
    assert not {one.id for one in QUESTIONS} & set(CLAIMS)


def test_the_order_is_a_difference_of_losses() -> None:
    assert isinstance(DSG_ORDER.decision, Trained)
    accuracies = {
        ("small_vgg", "dense"): 70.0,
        ("small_vgg", "dsg"): 60.0,
        ("small_vgg_relu_first", "dense"): 66.0,
        ("small_vgg_relu_first", "dsg"): 64.0,
    }
    norm, relu, less = (
        effect.of_sides(lambda one: accuracies[one["network"], one["method"]])
        for effect in DSG_ORDER.decision.effects
    )
    assert [up - down for up, down in (norm, relu, less)] == [-10, -2, 8]
