from data.labels.notes import LONGEST, Note, read_notes, write_note


def _note(text: str, at_ns: int = 1) -> Note:
    return Note(episode_id="clip-1", text=text, by="ana", at_ns=at_ns)


def test_the_newest_note_stands_and_an_empty_one_ends_it(catalog, workspace) -> None:
    assert read_notes(workspace) == {}
    write_note(catalog, _note("lamp off"))
    write_note(catalog, _note("lamp on", 2))
    assert read_notes(workspace)["clip-1"] == _note("lamp on", 2)
    write_note(catalog, _note("", 3))
    assert read_notes(workspace) == {}


def test_a_damaged_line_is_passed_over_and_a_long_note_cut(catalog, workspace) -> None:
    workspace.notes_path.write_text('[]\n{"text": "torn')
    write_note(catalog, _note("x" * 3000))
    assert len(read_notes(workspace)["clip-1"].text) == LONGEST
