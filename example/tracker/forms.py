"""The two forms of the tracker."""

from django import forms

from tracker.models import Comment, Issue


class IssueForm(forms.ModelForm):
    """Open an issue."""

    class Meta:
        model = Issue
        fields = ("title", "body")
        labels = {"body": "Description"}
        widgets = {"body": forms.Textarea(attrs={"rows": 8})}


class CommentForm(forms.ModelForm):
    """Write a comment."""

    class Meta:
        model = Comment
        fields = ("body",)
        labels = {"body": "Add a comment"}
        widgets = {"body": forms.Textarea(attrs={"rows": 4})}
