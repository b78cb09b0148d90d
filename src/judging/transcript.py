"""What the console says about a judged video, in the reference's wording."""

from judging.analysis import Analysis, Track
from scoring.likelihood import comparison, rate_text, side
from scoring.temporal import consistency, drift, neighbour_agreement
from scoring.verdict import FAKE, INCONCLUSIVE, REAL, Verdict, frame_vote, is_supported
from utils import console
from utils.console import shown

NO_PROBABILITY = "This is not the probability that it is fake, and no proof"
EVEN_ODDS = "Confidence is a probability only where half of the videos are fakes; this is no proof"
SIGNS = {FAKE: "🔴", REAL: "🟢", INCONCLUSIVE: "🟡"}


def print_analysis(analysis: Analysis, is_trained: bool) -> None:
    mark = "" if is_trained else " · UNTRAINED WEIGHTS, SCORES MEAN NOTHING"
    console.heading(f"🎬 {shown(analysis.path.name)}{mark}")
    for note in analysis.frames.notes:
        print(f"   Note: {note}")
    if len(analysis.tracks) > 1 or analysis.bystanders:
        print_faces(analysis)
    print_frames(analysis)
    print_temporal(analysis)
    verdict, lead = analysis.verdict, analysis.lead
    console.heading("⚖️ FINAL VERDICT")
    which = f" (face {lead.name})" if len(analysis.tracks) > 1 else ""
    print(f"   {headline(verdict)}{which}")
    if verdict.confidence is not None:
        print(f"   Confidence: {verdict.confidence:.2%}")
    if verdict.weight and verdict.outcome != INCONCLUSIVE:
        print(f"   Likelihood ratio: {verdict.weight}: {comparison(verdict.likelihood_ratio)}")
    elif verdict.weight:
        print(f"   Likelihood ratio: {verdict.weight}")
    if verdict.weight:
        meaning = NO_PROBABILITY if verdict.confidence is None else EVEN_ODDS
        print(f"   {meaning}: documentation/likelihood_ratio.md")
    for reason in verdict.reasons:
        print(f"   Reason: {reason}")
    for line in behind_verdict(analysis):
        print(f"   {line}")
    if is_trained:
        print("   How far to trust this: documentation/model_card.md (of the model that ships)")
    if facts := analysis.frames.facts:
        console.heading("📄 FACTS OF THE FILE")
        for name, text in describe_facts(facts):
            print(f"   {name}: {text}")
        print(f"   {facts['caveat']}")


def behind_verdict(analysis: Analysis) -> list[str]:
    """How often such a verdict is wrong, and where its evidence lies."""
    lines, lead, outcome = [], analysis.lead, analysis.verdict.outcome
    ratio = analysis.verdict.likelihood_ratio
    if outcome == FAKE:
        lines.append(describe_false_alarms(analysis))
    if outcome == REAL and (rate := analysis.marks.missed):
        lines.append(f"Of labelled fakes {rate_text(rate)} get this verdict")
    if ratio is not None and side(ratio) is None:  # there is no evidence to be found in the face
        return lines
    if lead and lead.attention:
        inside, chance = lead.attention
        lines.append(
            f"Evidence for {lead.heat_side} inside the face box: "
            f"{inside:.0%} (evenly spread it would be {chance:.0%})"
        )
        if inside < chance and (outcome, lead.heat_side) != (REAL, FAKE):  # faint, and overruled
            lines.append("⚠️ The model looks beside the face more than at it: mistrust this verdict")
    if analysis.parts:
        shares = (f"{n} {p['share']:.0%} ({p['by_chance']:.0%})" for n, p in analysis.parts.items())
        lines.append(f"By part (evenly spread it would be): {', '.join(shares)} around these")
    return lines


def headline(verdict: Verdict) -> str:
    text = f"{SIGNS[verdict.outcome]} {verdict.title}"
    return f"{text} from {verdict.span[0]:.2f}s to {verdict.span[1]:.2f}s" if verdict.span else text


def describe_false_alarms(analysis: Analysis) -> str:
    """What share of real videos gets the verdict FAKE, as far as validation tells."""
    known, image = analysis.marks.false_alarms, analysis.frames.is_image
    if known is None or analysis.verdict.span:
        return "How often this verdict falls on real videos was not measured"
    text, rate = f"Of labelled real faces {rate_text(known)} get this verdict", known[0]
    faces = sum(is_supported(track.verdict, image) for track in analysis.tracks)
    if faces > 1:
        text += f"; of videos with {faces} real faces it would be {1 - (1 - rate) ** faces:.1%}"
    return text


def print_faces(analysis: Analysis) -> None:
    console.heading("👥 FACES")
    for track in analysis.tracks:
        verdict = track.verdict
        decides = " (decides)" if track is analysis.lead and len(analysis.tracks) > 1 else ""
        print(
            f"   {track.name}: in {verdict.usable} of {len(analysis.frames)} frames, "
            f"{track.side_px:.0f} px: {headline(verdict)}{decides}"
        )
        votes = f"{verdict.fake_votes} FAKE, {verdict.real_votes} REAL"
        scores = " ".join("-" if p is None else f"{p:.2f}" for p in track.scores)
        print(f"      p_fake {verdict.p_fake:.3f}; votes {votes}; by frame {scores}")
    if analysis.bystanders:
        sizes = ", ".join(f"{side:.0f} px in {n} frames" for side, n in analysis.bystanders[:5])
        more = ", ..." if len(analysis.bystanders) > 5 else ""
        print(f"   Not judged, being small or many: {len(analysis.bystanders)} ({sizes}{more})")


def print_frames(analysis: Analysis) -> None:
    console.heading("📊 FRAME-BY-FRAME ANALYSIS")
    for track in analysis.tracks or [None]:
        print_track(analysis, track, f", face {track.name}" if len(analysis.tracks) > 1 else "")


def print_track(analysis: Analysis, track: Track | None, which: str) -> None:
    scores = track.scores if track else [None] * len(analysis.frames)
    agreements = iter(consistency(track.used) if track else [])
    for number, (frame, score) in enumerate(zip(analysis.frames, scores, strict=True), 1):
        print(f"Frame {number} @ {frame.seconds:.2f}s{which}:")
        if score is None:
            print(f"   ⚪ {'Not seen' if which else 'No face found'}: this frame does not count")
            continue
        vote = frame_vote(score)
        confidence = score if vote == FAKE else 1 - score
        print(f"   {SIGNS[vote]} Prediction: {vote}")
        print(f"   Confidence: {confidence:.2%}")
        print(f"   Probabilities: Real={1 - score:.1%}, Fake={score:.1%}")
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
    verdict, lead = analysis.verdict, analysis.lead
    which = f"face {lead.name}" if len(analysis.tracks) > 1 else "a face"
    print(f"   Frames with {which}: {verdict.usable} of {len(analysis.frames)}")
    if not lead:
        return
    print(f"   Fake detections: {verdict.fake_votes} ({verdict.fake_votes / verdict.usable:.1%})")
    print(f"   Real detections: {verdict.real_votes} ({verdict.real_votes / verdict.usable:.1%})")
    print(f"   Prediction consistency: {verdict.agreement:.1%}")
    if (alike := neighbour_agreement(lead.used)) is not None:
        print(f"   Neighbouring frames that agree: {alike:.1%}")
    if (change := drift(lead.used)) is not None:
        print(f"   Drift of p_fake from the first half to the second: {change:+.3f}")
    if runs := lead.runs(analysis.seconds):
        parts = ", ".join(f"{r.start:.2f}s to {r.end:.2f}s ({r.frames} frames)" for r in runs)
        print(f"   FAKE in a row: {parts}")


def describe_facts(facts: dict) -> list[tuple[str, str]]:
    """Lines of a file's facts (media/facts.py), each with its name; what is unknown is left out."""
    brand, codec, profile = (facts[name] for name in ("brand", "codec", "profile"))
    file = [
        facts["container"] and facts["container"] + (f" ({brand})" if brand else ""),
        _size(facts["size_bytes"]),
        facts["seconds"] and f"{facts['seconds']:.1f} s",
        facts["bits_per_second"] and f"{facts['bits_per_second'] / 1000:,.0f} kbit/s",
    ]
    if facts["video_streams"]:
        file.append(f"streams: {facts['video_streams']} video, {facts['audio_streams']} audio")
    picture = [
        codec and codec + (f" ({profile})" if profile else ""),
        f"{facts['width']}x{facts['height']} px",
        facts["frames_per_second"] and f"{facts['frames_per_second']:g} frames/s",
        facts["rotation_degrees"] and f"shown turned by {facts['rotation_degrees']}° clockwise",
    ]
    written = [f"{name} {facts[name]}" for name in ("encoder", "camera", "created") if facts[name]]
    lines = {
        "File": ", ".join(filter(None, file)),
        "Picture": ", ".join(filter(None, picture)),
        "Tags": "; ".join(written) or "no encoder, camera or date was found",
        "Encoded again by a messenger or site": facts["reencoded"],
    }
    return list(lines.items())


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1000:.0f} kB"
