"""What the console says about a judged video, in the reference's wording."""

from utils import console
from utils.analysis import Analysis
from utils.console import shown
from utils.verdict import FAKE, INCONCLUSIVE, REAL, consistency, frame_vote, relative

SIGNS = {FAKE: "🔴", REAL: "🟢", INCONCLUSIVE: "🟡"}
HEADLINES = {
    FAKE: "🔴 DEEPFAKE DETECTED",
    REAL: "🟢 APPEARS AUTHENTIC",
    INCONCLUSIVE: "🟡 INCONCLUSIVE",
}


def print_analysis(analysis: Analysis, is_trained: bool) -> None:
    mark = "" if is_trained else " · UNTRAINED WEIGHTS, SCORES MEAN NOTHING"
    console.heading(f"🎬 {shown(analysis.path.name)}{mark}")
    print_frames(analysis)
    print_temporal(analysis)
    verdict = analysis.verdict
    console.heading("⚖️ FINAL VERDICT")
    print(f"   {HEADLINES[verdict.outcome]}")
    if verdict.confidence is not None:
        print(f"   Confidence: {verdict.confidence:.2%}")
    for reason in verdict.reasons:
        print(f"   Reason: {reason}")
    if is_trained:
        print("   How far to trust this: documentation/model_card.md (of the model that ships)")


def print_frames(analysis: Analysis) -> None:
    console.heading("📊 FRAME-BY-FRAME ANALYSIS")
    used = [result.p_fake for result in analysis.frames if result.p_fake is not None]
    agreements = iter(consistency(used) if used else [])
    for number, result in enumerate(analysis.frames, 1):
        print(f"Frame {number} @ {result.frame.seconds:.2f}s:")
        if result.p_fake is None:
            print("   ⚪ No face found: this frame does not count")
            continue
        vote = frame_vote(result.p_fake, analysis.threshold)
        clear = relative(result.p_fake, analysis.threshold)
        confidence = clear if vote == FAKE else 1 - clear
        print(f"   {SIGNS[vote]} Prediction: {vote}")
        print(f"   Confidence: {confidence:.2%}")
        print(f"   Probabilities: Real={1 - result.p_fake:.1%}, Fake={result.p_fake:.1%}")
        print(f"   • {describe_confidence(vote, confidence)}")
        print(f"   • {describe_consistency(next(agreements))}")


def describe_confidence(vote: str, confidence: float) -> str:
    kind = "fake" if vote == FAKE else "authentic"
    if confidence >= 0.85:
        return f"{SIGNS[vote]} VERY HIGH confidence - clear {kind} characteristics"
    if confidence >= 0.7:
        return f"{SIGNS[vote]} HIGH confidence - strong {kind} characteristics"
    if confidence >= 0.6:
        return f"🟡 MODERATE confidence - some {kind} characteristics"
    return "🟡 LOW confidence - close to undecided"


def describe_consistency(agreement: float) -> str:
    if agreement >= 0.85:
        return f"✅ Highly consistent across frames ({agreement:.1%})"
    if agreement >= 0.7:
        return f"🟡 Moderately consistent across frames ({agreement:.1%})"
    return f"⚠️ Inconsistent with the other frames ({agreement:.1%})"


def print_temporal(analysis: Analysis) -> None:
    console.heading("🎯 TEMPORAL CONSISTENCY ANALYSIS")
    verdict = analysis.verdict
    used = verdict.fake_votes + verdict.real_votes
    print(f"   Frames with a face: {used} of {len(analysis.frames)}")
    if used:
        print(f"   Fake detections: {verdict.fake_votes} ({verdict.fake_votes / used:.1%})")
        print(f"   Real detections: {verdict.real_votes} ({verdict.real_votes / used:.1%})")
        print(f"   Prediction consistency: {verdict.agreement:.1%}")
