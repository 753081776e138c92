"""The demo's users and events, dated in days before the time of loading.

The users and repositories are those of the project's first documentation. The texts are fictional.
"""

from dataclasses import dataclass, field
from typing import Any

PASSWORD = "demo"
ADMIN = "admin"
CAST = ("justquick", "brosner", "mitsuhiko")
GROUP = "maintainers"

REPOSITORIES = (
    ("justquick", "activity-stream", "Generate generic activity streams from the actions on your site."),
    ("brosner", "pinax", "Reusable apps and starter projects, so that the next site begins half finished."),
    ("mitsuhiko", "flask", "A small web framework that gets out of your way."),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of an issue, with its age in days. The first step of a thread opens the issue."""

    days: float
    who: str
    did: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """An issue with all its events."""

    repository: str
    number: int
    title: str
    steps: tuple[Step, ...]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event that is not about an issue. The names are resolved when the story is loaded."""

    days: float
    actor: str
    verb: str
    recipient: str = ""
    target: str = ""
    level: str = "info"
    description: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


# One step after the other reads better than what the formatter would make of it.
# fmt: off
THREADS = (
    Thread("activity-stream", 1, "The stream of a user with 40,000 actions takes nine seconds", (
        Step(58.2, "brosner", "opened",
            "Our busiest account has 40,000 actions. Its page asks one query per action for the actor, one "
            "for the target, and then sorts in Python. Profile attached to the ticket we lost."),
        Step(57.9, "justquick", "commented on",
            "Ouch. Generic foreign keys do that to you. I'll fetch them in bulk, one query per content "
            "type of the page."),
        Step(56.4, "mitsuhiko", "commented on",
            "Please keep the order stable when two actions share a timestamp. We sort by id as a "
            "tie-breaker in a similar place."),
        Step(55.1, "justquick", "commented on",
            "Good point, both done. 9.1 s → 70 ms on a copy of the data."),
        Step(55.0, "justquick", "closed"),
        Step(54.3, "brosner", "commented on", "Confirmed on our side. Thank you! 🎉"),
    )),
    Thread("activity-stream", 2, "Following somebody twice makes every action appear twice", (
        Step(12.4, "mitsuhiko", "opened",
            "Click “Follow”, go back, click again. There are two rows now, and the stream joins over both, "
            "so everything shows up doubled."),
        Step(12.1, "brosner", "commented on", "Same here, and unfollowing removes only one of them."),
        Step(11.6, "justquick", "commented on",
            "There is no unique constraint. I'd add one and merge the rows that are there in a data "
            "migration. Any objection?"),
        Step(11.2, "mitsuhiko", "commented on",
            "None. Keep the older row, its date is the one people remember."),
        Step(6.3, "justquick", "commented on",
            "The migration ran on our copy: 212 doubles merged, the oldest kept."),
        Step(0.5, "justquick", "closed"),
    )),
    Thread("activity-stream", 3, "Ümlauts in a group's name break the address of its feed", (
        Step(47.5, "brosner", "opened",
            "The group “Münchner Köche” has the feed /feeds/m%C3%BCnchner…, and that is encoded a second "
            "time in the link header. Feed readers ask for m%25C3%25BCnchner and get a 404."),
        Step(47.3, "mitsuhiko", "commented on", "Classic. Encode at the edge, once, and keep text inside."),
        Step(46.8, "justquick", "commented on", "Fixed, with a test for Köln, Łódź and 東京."),
        Step(46.7, "justquick", "closed"),
        Step(40.2, "brosner", "commented on", "It is back for names with a slash in them: “R/GA München”."),
        Step(40.1, "brosner", "reopened"),
        Step(38.9, "justquick", "commented on", "Slashes are slugified now, too."),
        Step(38.8, "justquick", "closed"),
    )),
    Thread("activity-stream", 4, "Document how to register a model that lives in another app", (
        Step(33.0, "mitsuhiko", "opened",
            "The page shows registering in models.py. If the model is somebody else's, where should the "
            "call go? It took me a while to find that ready() is the place."),
        Step(32.4, "justquick", "commented on",
            "Would you write the paragraph? You know best what you looked for."),
        Step(30.7, "mitsuhiko", "commented on", "Here it is, with an example for the user model."),
        Step(30.2, "brosner", "commented on", "Reads well. One typo: “regsiter”."),
        Step(30.0, "justquick", "closed"),
    )),
    Thread("activity-stream", 5, "Actions of deleted users show as “None liked a photo”", (
        Step(25.6, "brosner", "opened",
            "When an account is removed, its old actions stay and begin with “None”. I would expect a "
            "neutral word, or for the actions to go."),
        Step(25.1, "justquick", "commented on",
            "They should stay, since others replied to them. “Somebody” maybe?"),
        Step(24.8, "mitsuhiko", "commented on",
            "Translators will thank you if the whole sentence is one string."),
        Step(3.4, "brosner", "commented on", "Any news? Three support mails about it this week."),
    )),
    Thread("activity-stream", 6, "Let me group “12 people liked your photo” into one line", (
        Step(21.0, "mitsuhiko", "opened",
            "My stream is a wall of likes. Grouping by verb and target within an hour would make it "
            "readable again."),
        Step(20.5, "brosner", "commented on",
            "+1. But keep the single actions reachable, please: people do want to know who the twelve are."),
        Step(19.9, "justquick", "commented on",
            "Grouping when reading, not when writing, then nothing is lost. I'll try a window function."),
        Step(9.2, "justquick", "commented on",
            "First attempt is on a branch. It is fast on PostgreSQL and slow on MySQL 5.7, which has no "
            "window functions at all."),
        Step(8.7, "mitsuhiko", "commented on",
            "That version goes out of support soon. I would not wait for it."),
    )),
    Thread("activity-stream", 7, "test, please ignore", (
        Step(18.3, "brosner", "opened", "Trying whether the mail gateway opens issues now."),
        Step(18.2, "mitsuhiko", "commented on", "It does. 🙂"),
    ), deleted=True),
    Thread("activity-stream", 8, "Stream API: dates without a time zone", (
        Step(5.3, "mitsuhiko", "opened",
            "The JSON of the stream has 2009-10-25T02:30:00. On the night the clocks change that is two "
            "different instants. Please add the offset."),
        Step(5.0, "justquick", "commented on",
            "You are right. UTC with a Z, always. It will need a note for people who parse it with a "
            "regular expression…"),
        Step(4.6, "brosner", "commented on", "Guilty. But go ahead, we'll change ours."),
        Step(1.2, "justquick", "commented on",
            "Done on the main branch. Would one of you try it before I close this?"),
    )),
    Thread("activity-stream", 9, "Right-to-left names turn the sentence around", (
        Step(0.9, "brosner", "opened",
            "A line with two such names, as in “שירה liked a photo of نور”, comes out scrambled. Each of them "
            "needs to be isolated (the bdi element does it), so that the words around them stay in place."),
        Step(0.7, "mitsuhiko", "commented on",
            "Had the same in our comment list. bdi is supported everywhere."),
    )),
    Thread("pinax", 1, "Signing up with an upper-case mail address makes a second account", (
        Step(60.4, "justquick", "opened",
            "Ann@Example.com and ann@example.com are two accounts. Password reset then picks one of them "
            "at random, as far as I can tell."),
        Step(60.1, "brosner", "commented on",
            "Not at random, but by insertion order, which is no better. We should compare without case and "
            "keep what was typed for display."),
        Step(59.6, "mitsuhiko", "commented on",
            "Mind the dotless i of Turkish. Casefold in the database's collation, not in Python, or the two "
            "will disagree."),
        Step(58.8, "brosner", "commented on",
            "Done with a functional unique index; sign-up explains what is wrong."),
        Step(58.7, "brosner", "closed"),
    )),
    Thread("pinax", 2, "Starter project does not start without a compiler", (
        Step(51.3, "mitsuhiko", "opened",
            "On a fresh laptop the requirements want to build an image library. Nobody who tries us for "
            "five minutes has a compiler."),
        Step(51.0, "brosner", "commented on", "It is only used for avatars. I'll make it optional."),
        Step(50.2, "justquick", "commented on",
            "And say so in the page's message when it is missing, not in a traceback?"),
        Step(49.4, "brosner", "commented on",
            "Yes: the upload field simply isn't there, and a check says why."),
        Step(49.3, "brosner", "closed"),
    )),
    Thread("pinax", 3, "Invitations sent on a Friday evening expire before Monday", (
        Step(43.7, "justquick", "opened",
            "They live for 48 hours. Half of ours were dead before anyone read them."),
        Step(43.5, "brosner", "commented on",
            "Seven days it is. Should an old link offer to send a new one?"),
        Step(43.1, "justquick", "commented on", "That would be lovely."),
        Step(35.8, "brosner", "closed"),
    )),
    Thread("pinax", 4, "Translation: Русский, 28 strings are missing", (
        Step(36.9, "mitsuhiko", "opened",
            "Mostly in the account pages: «Сменить пароль», «Подтвердите адрес». The plural forms of “day” "
            "are wrong as well: 2 дня, but 5 дней."),
        Step(36.2, "brosner", "commented on", "Thank you. I can't read them, so I'd be glad of a review."),
        Step(35.9, "justquick", "commented on",
            "My colleague Анна looked through: correct, one comma too many."),
        Step(34.5, "mitsuhiko", "commented on", "Comma removed. Спасибо, Анна!"),
        Step(34.3, "brosner", "closed"),
    )),
    Thread("pinax", 5, "Private messages: keyboard focus is lost after sending", (
        Step(27.4, "justquick", "opened",
            "After “Send” the focus jumps to the top of the page. With a screen reader that means reading "
            "the whole navigation again for each message."),
        Step(27.1, "brosner", "commented on",
            "Focus goes back to the text field now, and the status is announced."),
        Step(26.8, "justquick", "commented on",
            "Tried it with two readers. Works; the announcement comes twice in one."),
        Step(7.5, "brosner", "commented on",
            "The second came from a live region inside a live region. Gone."),
        Step(2.6, "justquick", "commented on", "Perfect now, from my side this can be closed."),
        Step(2.2, "brosner", "closed"),
    )),
    Thread("pinax", 6, "Two workers send the same digest", (
        Step(15.7, "mitsuhiko", "opened",
            "With two cron hosts every digest goes out twice. I'd expect a row that one of them claims."),
        Step(15.2, "brosner", "commented on",
            "We look for unsent ones, send, and then mark them. So yes, twice."),
        Step(14.9, "justquick", "commented on",
            "Claim first, in one UPDATE that says who you are. If you die after that, somebody may take "
            "over when the claim is old."),
        Step(14.1, "brosner", "commented on", "And a mail that was sent just before the crash?"),
        Step(13.8, "justquick", "commented on",
            "Goes out twice. The only cure is a key the mail service knows."),
        Step(6.8, "mitsuhiko", "commented on", "Ran the branch for a week on two hosts. No doubles."),
    )),
    Thread("pinax", 7, "Add a “remember this device” box to the login", (
        Step(10.6, "justquick", "opened",
            "Our users log in twice a day. Two weeks on their own machine would do."),
        Step(10.3, "brosner", "commented on",
            "Fine with me if it is off by default and listed in the settings, where one can forget a "
            "device."),
        Step(4.2, "mitsuhiko", "commented on",
            "Rotate the token at each visit, then a stolen copy gives itself away."),
        Step(1.8, "justquick", "commented on", "I like that. I'll draft it."),
    )),
    Thread("pinax", 8, "The dashboard scrolls sideways on a 320 px screen", (
        Step(3.1, "mitsuhiko", "opened",
            "The table of projects has eight columns and a fixed width. On a phone the page is three "
            "screens wide."),
        Step(2.9, "brosner", "commented on", "Four of the columns are for staff. I'll stack the rest."),
        Step(0.35, "mitsuhiko", "commented on", "The preview looks good, even at 200 % zoom."),
    )),
    Thread("flask", 1, "Cookie with a semicolon in its value is cut", (
        Step(62.0, "justquick", "opened",
            "Setting the value “a;b” gives “a” on the next request. Quoting it would do."),
        Step(61.7, "mitsuhiko", "commented on",
            "The old specification quotes, browsers do not agree. I'd rather encode it so that every "
            "browser gives it back unchanged."),
        Step(61.1, "mitsuhiko", "closed"),
        Step(60.9, "justquick", "commented on", "Works. Thanks for the quick answer."),
    )),
    Thread("flask", 2, "Debugger prints the secret key on the error page", (
        Step(53.5, "brosner", "opened",
            "In debug mode the page shows the whole configuration, secret key included. Somebody pasted it "
            "into a public tracker today."),
        Step(53.4, "mitsuhiko", "commented on",
            "Debug mode is not for the public, but there is no reason to show it. Names with KEY, SECRET, "
            "TOKEN or PASSWORD are masked from now on."),
        Step(53.2, "justquick", "commented on",
            "Also inside nested dictionaries? Ours has databases with passwords."),
        Step(52.9, "mitsuhiko", "commented on", "Yes, at every level."),
        Step(52.8, "mitsuhiko", "closed"),
    )),
    Thread("flask", 3, "Uploads over 2 GB stop at exactly 2,147,483,647 bytes", (
        Step(44.9, "brosner", "opened",
            "A round number to a computer. Small machine with a 32-bit userland."),
        Step(44.6, "mitsuhiko", "commented on",
            "A C int in the multipart parser of that platform. Streaming in chunks avoids it; patch "
            "follows."),
        Step(42.0, "mitsuhiko", "commented on", "Please try the branch, I have no such machine here."),
        Step(41.2, "brosner", "commented on", "3.4 GB arrived, checksum correct. Excellent."),
        Step(41.0, "mitsuhiko", "closed"),
    )),
    Thread("flask", 4, "日本語のファイル名 arrives as question marks", (
        Step(28.9, "justquick", "opened",
            "send_file() with the name 報告書.pdf is saved as ???.pdf by the browser. The header has only "
            "the Latin-1 form of it."),
        Step(28.5, "mitsuhiko", "commented on",
            "It needs filename* beside filename. The plain one becomes an ASCII fallback for the few who "
            "don't know the other."),
        Step(28.0, "brosner", "commented on",
            "What does the fallback of a name without any ASCII letter look like?"),
        Step(27.7, "mitsuhiko", "commented on", "“download.pdf”. The extension survives."),
        Step(22.3, "mitsuhiko", "closed"),
    )),
    Thread("flask", 5, "Two routes with the same path: the second is silently ignored", (
        Step(23.8, "brosner", "opened",
            "I renamed a view and forgot the old one. No warning, and an afternoon gone."),
        Step(23.3, "mitsuhiko", "commented on",
            "Some people override a route on purpose. A warning at start-up in debug mode is what I can "
            "offer."),
        Step(23.0, "justquick", "commented on", "With file and line of both, please."),
        Step(16.4, "mitsuhiko", "commented on", "There you go: “/about is also served by views.py:31”."),
        Step(16.3, "mitsuhiko", "closed"),
        Step(9.8, "brosner", "commented on",
            "It warns about routes that differ in their methods, too. GET and POST in two functions is how "
            "we write all forms."),
        Step(9.7, "brosner", "reopened"),
        Step(2.0, "mitsuhiko", "commented on",
            "True. Methods are compared now; will be in the next release."),
    )),
    Thread("flask", 6, "Reloader restarts for ever when a log file is in the package", (
        Step(17.1, "justquick", "opened",
            "The app writes app/debug.log, the reloader sees a change, restarts, and the start is logged "
            "to app/debug.log…"),
        Step(16.9, "mitsuhiko", "commented on",
            "A snake with a good appetite. Only the modules that were imported need watching. 🐍"),
        Step(13.3, "justquick", "commented on", "That cured it. CPU is at 0.1 % now, it was 8."),
        Step(13.2, "mitsuhiko", "closed"),
    )),
    Thread("flask", 7, "Streaming a response keeps the database connection open", (
        Step(7.8, "brosner", "opened",
            "As long as a slow client downloads, the connection of the request stays taken. Twenty phones "
            "on a train, and the pool is empty."),
        Step(7.6, "mitsuhiko", "commented on",
            "Because the generator may still need it. I could offer a way to give it back before the first "
            "byte is sent."),
        Step(7.1, "justquick", "commented on", "We do our queries before, so that would be enough for us."),
        Step(1.5, "brosner", "commented on", "For us as well. What would it be called?"),
        Step(0.15, "mitsuhiko", "commented on",
            "release_early(). It raises if anything asks for the connection later, so that nobody does it "
            "by accident."),
    )),
    Thread("flask", 8, "Error handler for 404 is not asked when the path ends in %00", (
        Step(0.25, "justquick", "opened",
            "GET /x%00 gives a bare 500. Scanners try that all day long, and each try wakes up whoever is "
            "on call."),
        Step(0.06, "brosner", "commented on",
            "We saw it too, some 3,000 times since Monday. Naïve path decoding in a middleware was the "
            "cause in our case, is it yours?"),
    )),
)


EVENTS = (
    Event(61.5, "brosner", "joined", "maintainers", "maintainers"),
    Event(61.4, "mitsuhiko", "joined", "maintainers", "maintainers"),
    Event(48.0, "mitsuhiko", "started following", "justquick", "justquick"),
    Event(39.4, "justquick", "starred", "mitsuhiko", "flask"),
    Event(31.6, "brosner", "starred", "justquick", "activity-stream"),
    Event(29.5, "mitsuhiko", "released", "maintainers", "flask", "success",
        "Version 0.9: uploads without a limit, masked secrets.", {"version": "0.9"}),
    Event(14.4, "pinax", "failed its nightly build", "maintainers", "", "error",
        "3 of 1,204 tests failed on Python 3.13: test_digest (2), test_invitation.",
        {"branch": "main", "failed": 3}),
    Event(13.4, "pinax", "passed its nightly build", "maintainers", "", "success",
        None, {"branch": "main", "failed": 0}),
    Event(8.1, "justquick", "released", "maintainers", "activity-stream", "success",
        "Version 0.4.2: streams in constant queries, feeds with Ümlauts.", {"version": "0.4.2"}),
    Event(5.9, "justquick", "reached level 10"),
    Event(2.4, "flask", "failed its nightly build", "maintainers", "", "error",
        "1 of 812 tests failed on Windows: test_reloader_ignores_logs.", {
            "branch": "main",
            "failed": 1,
            "actions": [{"title": "See issue 6", "href": "/r/flask/issues/6/"}],
        }),
    Event(1.1, "brosner", "asked for a review of", "mitsuhiko", "pinax", "warning",
        "The claim of a digest, please look at the UPDATE.", {
            "branch": "claim-first",
            "actions": [{"title": "Review it in issue 6", "href": "/r/pinax/issues/6/"}],
        }),
    Event(0.04, "flask", "passed its nightly build", "maintainers", "", "success",
        "812 tests in 48 seconds.", {"branch": "main", "failed": 0}),
)
# fmt: on

# How far each of them has read: everything older than so many days, but for the warnings.
READ_UNTIL = {"justquick": 4.0, "brosner": 2.5, "mitsuhiko": 9.0}

# What they have sorted: done is what is older than so many days, saved and snoozed is what has these verbs.
DONE_UNTIL = {"justquick": 20.0, "brosner": 14.0, "mitsuhiko": 30.0}
SAVED = ("released", "asked for a review of")
SNOOZED = ("failed its nightly build",)
