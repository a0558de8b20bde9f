"""What `info` counts, as a JSON document. Its keys are stable: programs read it."""

from beats.recordings.info import FileInfo, PlacedJump, Tally, TopicInfo
from beats.recordings.scan import Damage


def document(files: list[FileInfo], total: Tally) -> dict[str, object]:
    """All that is known of some files, and of all of them together."""
    return {
        "files": [_file(info) for info in files],
        "total": {
            "files": len(files),
            "unreadable_files": sum(info.error is not None for info in files),
            **_tally(total),
        },
    }


def _file(info: FileInfo) -> dict[str, object]:
    return {
        "path": str(info.path),
        "error": info.error,
        "recording": dict(info.about),
        **_tally(info.tally),
        "clock_steps": [_step(each) for each in info.jumps if not each.jump.is_joint],
        "joints": [_step(each) for each in info.jumps if each.jump.is_joint],
        "totals": None if info.totals is None else dict(info.totals),
        "notes": dict(info.notes),
        "health": {
            "state": "unreadable" if info.error is not None else info.state,
            "has_index": info.has_index,
            "damage_count": info.damage_count,
            "damages": [_damage(damage) for damage in info.damages],
        },
    }


def _step(placed: PlacedJump) -> dict[str, object]:
    jump = placed.jump
    return {
        "position_s": placed.position_s,
        "before_unix_ns": jump.before_unix_ns,
        "after_unix_ns": jump.after_unix_ns,
        "by_s": jump.by_ns / 1e9,
    }


def _tally(tally: Tally) -> dict[str, object]:
    topics = tally.topics.values()
    return {
        "size_bytes": tally.size_bytes,
        "first_unix_ns": tally.first_unix_ns,
        "last_unix_ns": tally.last_unix_ns,
        "duration_s": tally.duration_s,
        "messages": sum(topic.messages for topic in topics),
        "message_bytes": sum(topic.size_bytes for topic in topics),
        "repeated_messages": sum(topic.repeated for topic in topics),
        "missing_sequences": sum(topic.missing for topic in topics),
        "foreign_messages": tally.foreign,
        "unreadable_bytes": tally.unreadable_bytes,
        "topics": [
            {"topic": name, **_topic(topic, tally.duration_s)} for name, topic in sorted(tally.topics.items())
        ],
        "losses": [
            {
                "reason": reason,
                "envelopes": loss.topics.total(),
                "first_unix_ns": loss.first_unix_ns,
                "last_unix_ns": loss.last_unix_ns,
                "topics": dict(loss.topics),
            }
            for reason, loss in tally.losses.items()
        ],
    }


def _topic(topic: TopicInfo, duration_s: float) -> dict[str, object]:
    return {
        "messages": topic.messages,
        "message_bytes": topic.size_bytes,
        "mean_rate_hz": topic.messages / duration_s if duration_s else None,
        "first_sequence": topic.first_sequence,
        "last_sequence": topic.last_sequence,
        "repeated_messages": topic.repeated,
        "missing_sequences": topic.missing,
    }


def _damage(damage: Damage) -> dict[str, object]:
    return {
        "offset_bytes": damage.offset,
        "size_bytes": damage.size_bytes,
        "why": damage.why,
        "at_end": damage.cut,
        "index_only": damage.is_index,
    }
