from app.wording import counted, listed, plain


def test_names_are_listed_as_people_say_them() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcde"), limit=3) == "a, b and 3 more"


def test_numbers_agree_with_their_nouns() -> None:
    assert counted(0, "label") == "0 labels"
    assert counted(1, "label") == "1 label"
    assert counted(2, "policy", "policies") == "2 policies"


def test_what_others_wrote_is_text_and_no_markdown() -> None:
    assert plain("![x](http://a) *b* :c:") == r"!\[x\](http\://a) \*b\* \:c\:"
