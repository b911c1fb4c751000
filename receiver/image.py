"""Tell the instance's page what is wrong, even before the packages of the image are there."""
import demistomock as demisto


def show_health(text: str) -> None:
    """Show what is wrong on the instance's page, or with an empty text that nothing is."""
    try:
        demisto.updateModuleHealth(text, bool(text))
    except TypeError:  # XSOAR before 6.8 accepts no second argument
        demisto.updateModuleHealth(text)
