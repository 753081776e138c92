urlpatterns = []
app_name = "notifications"
