"""The addresses below /log/, which is the public log's prefix."""

from django.urls import path

from ledger import views

urlpatterns = [path("<path:name>", views.resource, name="public-log")]
