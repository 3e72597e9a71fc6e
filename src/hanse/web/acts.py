"""What can be done with a form: every act gives another form, and one that makes no sense gives the same."""

import re
from dataclasses import dataclass, replace

from hanse.web.builder import Form, Group, Joint, Part, Rows


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a form something is: a group, and perhaps a criterion in it. A place that is not there means "new"."""

    group: int | None = None
    part: int | None = None

    def __str__(self) -> str:
        numbers = [str(one) for one in (self.group, self.part) if one is not None]
        return ".".join(numbers) or "new"


def place_of(text: str) -> Place:
    """`new`, `2` (in the third group) or `2.0` (its first criterion)."""
    found = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,3}))?", text)
    if found is None:
        return Place()
    return Place(int(found[1]), None if found[2] is None else int(found[2]))


def at(form: Form, place: Place) -> Part | None:
    """The criterion at a place."""
    if place.group is None or place.part is None or place.group >= len(form.groups):
        return None
    parts = form.groups[place.group].parts
    return parts[place.part] if place.part < len(parts) else None


def put(form: Form, place: Place, part: Part, rows: Rows = Rows.SAME) -> Form:
    """The form with a criterion at a place: changed there, added to a group, or in a new group of these rows."""
    if place.group is None or place.group >= len(form.groups):
        joint = form.joint.other if rows is Rows.SAME else Joint.AND
        return replace(form, groups=(*form.groups, Group((part,), joint, rows)))
    group = form.groups[place.group]
    if at(form, place) is None:
        parts = (*group.parts, part)
    else:
        parts = tuple(part if number == place.part else one for number, one in enumerate(group.parts))
    return _with_group(form, place.group, replace(group, parts=parts))


def remove(form: Form, place: Place) -> Form:
    """The form without a criterion, or without a group; a group without criteria goes too."""
    if place.group is None or place.group >= len(form.groups):
        return form
    group = form.groups[place.group]
    kept = tuple(one for number, one in enumerate(group.parts) if place.part not in (None, number))
    return _with_group(form, place.group, replace(group, parts=kept if place.part is not None else ()))


def deny(form: Form, place: Place) -> Form:
    """The form with the criterion at a place denied, or no longer denied."""
    part = at(form, place)
    return form if part is None else put(form, place, replace(part, negated=not part.negated))


def join(form: Form, joint: Joint) -> Form:
    """The form with its groups joined in this way, and the criteria of groups of the same rows in the other."""
    groups = tuple(replace(one, joint=joint.other) if one.rows is Rows.SAME else one for one in form.groups)
    return Form(groups, joint)


def regroup(form: Form, place: Place, rows: Rows, joint: Joint | None = None) -> Form:
    """The form with a group that speaks of other rows, its criteria joined in this way."""
    if place.group is None or place.group >= len(form.groups):
        return form
    within = form.joint.other if rows is Rows.SAME else joint or Joint.AND
    return _with_group(form, place.group, replace(form.groups[place.group], rows=rows, joint=within))


def _with_group(form: Form, number: int, group: Group) -> Form:
    groups = tuple(group if place == number else one for place, one in enumerate(form.groups))
    return replace(form, groups=tuple(one for one in groups if one.parts))
